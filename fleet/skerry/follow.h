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

#endif
