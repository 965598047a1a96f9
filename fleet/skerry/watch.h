/* SPDX-License-Identifier: Apache-2.0 */
/* Asking skerryd for something until it is over; each answer comes when it has changed, or after a while. */
#ifndef SKERRY_WATCH_H
#define SKERRY_WATCH_H

#include "skerry/cli.h"
#include "skerry/client.h"

struct watch {
	const char *path; /* of what is watched: an object with a `versionNumber` */
	/* Shows a state. `is_new`: its version is not the one shown last. The exit code of its outcome, -1: it goes on. */
	int (*take)(const struct cli *cli, const json_t *state, bool is_new, void *ctx);
	void *ctx;
	uint64_t timeout_s;             /* 0: for ever */
	const char *what, *late_remedy; /* of the error when that is over: "WHAT has not ended after N s" */
};

/*
 * Until take() gives an exit code; that one, EXIT_JOB_TIMED_OUT or EXIT_ERROR, both with the error printed. A server that goes away is waited for, up to
 * two minutes.
 */
int watch_run(const struct cli *cli, struct client *client, const struct watch *watch);

#endif
