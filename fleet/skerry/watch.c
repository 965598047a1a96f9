/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/watch.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define POLL_SECONDS 25
#define AWAY_SECONDS 120

struct progress {
	json_int_t seen; /* versionNumber taken last */
	time_t answered; /* when the server last answered */
	time_t until;    /* 0: for ever */
};

static time_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* The next state. *code: as take() says. 0, or an error as of client_call(), printed. */
static int look(
	const struct cli *cli, struct client *client, const struct watch *watch, struct progress *progress, int *code)
{
	struct fleet_error error;
	json_t *state;
	char path[200];
	long wait = POLL_SECONDS;
	if (progress->until && progress->until - now() < wait)
		wait = progress->until > now() ? (long)(progress->until - now()) : 0;
	snprintf(path, sizeof path, "%s?since=%lld&wait=%ld", watch->path, (long long)progress->seen, wait);
	int rc = client_get(client, path, &state, &error);
	if (rc == CLIENT_UNREACHABLE && now() - progress->answered < AWAY_SECONDS) {
		sleep(1);
		return 0;
	}
	if (rc < 0) {
		cli_fail(&error);
		return rc;
	}
	json_int_t version = json_integer_value(json_object_get(state, "versionNumber"));
	progress->answered = now();
	*code = watch->take(cli, state, version != progress->seen, watch->ctx);
	progress->seen = version;
	json_decref(state);
	return 0;
}

int watch_run(const struct cli *cli, struct client *client, const struct watch *watch)
{
	struct progress progress = {
		.answered = now(), .until = watch->timeout_s ? now() + (time_t)watch->timeout_s : 0};
	struct fleet_error error;
	int code = -1;
	while (code < 0) {
		if (look(cli, client, watch, &progress, &code) < 0)
			return EXIT_ERROR;
		if (code < 0 && progress.until && now() >= progress.until) {
			(void)!fleet_fail(&error, watch->late_remedy, "%s has not ended after %llu s", watch->what,
				(unsigned long long)watch->timeout_s);
			cli_fail(&error);
			return EXIT_JOB_TIMED_OUT;
		}
	}
	return code;
}
