/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "skerry/follow.h"

#define POLL_SECONDS 25
#define AWAY_SECONDS 120

static time_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static json_int_t count(const json_t *rollout, const char *state)
{
	return json_integer_value(json_object_get(json_object_get(rollout, "counts"), state));
}

static bool is_state(const json_t *rollout, const char *state)
{
	const char *its = json_string_value(json_object_get(rollout, "state"));
	return its && strcmp(its, state) == 0;
}

/* Of its outcome, -1: it goes on. */
static int outcome(const json_t *rollout)
{
	if (is_state(rollout, "complete"))
		return count(rollout, "failed") + count(rollout, "timed-out") + count(rollout, "rejected") == 0
			       ? EXIT_OK
			       : EXIT_JOB_FAILED;
	if (is_state(rollout, "paused"))
		return EXIT_JOB_FAILED;
	return is_state(rollout, "aborted") || is_state(rollout, "reverted") ? EXIT_JOB_CANCELED : -1;
}

static void line_of(const json_t *rollout, char *out, size_t size)
{
	const char *key, *reason = json_string_value(json_object_get(rollout, "reason"));
	json_t *value, *counts = json_object_get(rollout, "counts");
	const json_t *wave;
	size_t index, at = (size_t)snprintf(out, size, "%s", json_string_value(json_object_get(rollout, "state")));
	json_array_foreach(json_object_get(rollout, "waves"), index, wave)
	{
		if (at < size && strcmp(json_string_value(json_object_get(wave, "state")), "open") == 0)
			at += (size_t)snprintf(out + at, size - at, ", wave %zu '%s'", index + 1,
				json_string_value(json_object_get(wave, "name")));
	}
	json_object_foreach(counts, key, value)
	{
		if (at < size)
			at += (size_t)snprintf(
				out + at, size - at, ", %lld %s", (long long)json_integer_value(value), key);
	}
	if (reason && at < size)
		(void)snprintf(out + at, size - at, ": %s", reason);
}

static void show(const struct cli *cli, const json_t *rollout, char last[512])
{
	char line[512];
	if (cli->json) {
		cli_print_json(rollout, true);
		return;
	}
	line_of(rollout, line, sizeof line);
	if (strcmp(line, last) == 0)
		return;
	memcpy(last, line, sizeof line);
	cli_print_clean(line);
	putchar('\n');
	fflush(stdout);
}

struct watch {
	json_int_t seen;
	time_t answered, until;
	char line[512];
};

static int look(const struct cli *cli, struct client *client, const char *id, struct watch *watch, int *code)
{
	struct fleet_error error;
	json_t *rollout;
	char path[200];
	long wait = POLL_SECONDS;
	if (watch->until && watch->until - now() < wait)
		wait = watch->until > now() ? (long)(watch->until - now()) : 0;
	snprintf(path, sizeof path, "/api/v1/rollouts/%s?since=%lld&wait=%ld", id, (long long)watch->seen, wait);
	int rc = client_get(client, path, &rollout, &error);
	if (rc == CLIENT_UNREACHABLE && now() - watch->answered < AWAY_SECONDS) {
		sleep(1);
		return 0;
	}
	if (rc < 0) {
		cli_fail(&error);
		return rc;
	}
	watch->answered = now();
	watch->seen = json_integer_value(json_object_get(rollout, "versionNumber"));
	show(cli, rollout, watch->line);
	*code = outcome(rollout);
	json_decref(rollout);
	return 0;
}

int follow_rollout(const struct cli *cli, struct client *client, const char *id, uint64_t timeout_s)
{
	struct watch watch = {.answered = now(), .until = timeout_s ? now() + (time_t)timeout_s : 0};
	struct fleet_error error;
	int code = -1;
	while (code < 0) {
		if (look(cli, client, id, &watch, &code) < 0)
			return EXIT_ERROR;
		if (code < 0 && watch.until && now() >= watch.until) {
			(void)!fleet_fail(&error, "go on with `skerry rollout watch`", "it is not over after %llu s",
				(unsigned long long)timeout_s);
			cli_fail(&error);
			return EXIT_JOB_TIMED_OUT;
		}
	}
	return code;
}
