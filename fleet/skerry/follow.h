/* SPDX-License-Identifier: Apache-2.0 */
/* Watching a job until it ends: one line redrawn on a terminal, a line per change elsewhere, a JSON line per change with --json. */
#ifndef SKERRY_FOLLOW_H
#define SKERRY_FOLLOW_H

#include "skerry/cli.h"
#include "skerry/client.h"

/*
 * Watch `job` until it is terminal, at most `timeout_s` (0: for ever; then EXIT_JOB_TIMED_OUT, the job goes on). A server that goes away is waited for, up to two minutes. The exit code of the job's outcome, or EXIT_ERROR with the error printed.
 */
int follow_job(const struct cli *cli, struct client *client, const char *job, uint64_t timeout_s);

/* The same for a rollout, a line for each change of its state or of a wave's: until it is over or paused. See `skerry rollout watch --help` for the codes. */
int follow_rollout(const struct cli *cli, struct client *client, const char *id, uint64_t timeout_s);

#endif
