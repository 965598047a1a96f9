/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "skerry/follow.h"
#include "skerry/watch.h"

#define LINE_MAX_BYTES 512

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

static void show(const struct cli *cli, const json_t *rollout, char last[LINE_MAX_BYTES])
{
	char line[LINE_MAX_BYTES];
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

static int take(const struct cli *cli, const json_t *rollout, bool is_new, void *ctx)
{
	(void)is_new; /* its numbers change more often than what there is to say */
	show(cli, rollout, ctx);
	return outcome(rollout);
}

int follow_rollout(const struct cli *cli, struct client *client, const char *id, uint64_t timeout_s)
{
	char path[100], line[LINE_MAX_BYTES] = "";
	snprintf(path, sizeof path, "/api/v1/rollouts/%s", id);
	return watch_run(cli, client,
		&(struct watch){.path = path,
			.take = take,
			.ctx = line,
			.timeout_s = timeout_s,
			.what = "the rollout",
			.late_remedy = "go on with `skerry rollout watch`"});
}
