/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry rollout create|plan|list|show|targets|watch` and the verbs. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/describe.h"
#include "skerry/follow.h"
#include "skerry/listing.h"

static const char *rollout_word(struct cli *cli, const struct option_spec *specs, int argc, char **argv)
{
	return cli_id(cli, specs, argc, argv, "a rollout's id");
}

static const struct option_spec no_options[] = {{0}};

/* ---- create and plan ---- */

/* POST the description; *answer is what comes. */
static int post(struct client *client, const char *path, const struct describe *describe, json_t **answer,
	struct fleet_error *error)
{
	json_t *body = describe_read(describe, client, error);
	if (!body)
		return -1;
	const struct client_request request = {.method = "POST", .path = path, .json = body};
	int rc = client_call(client, &request, answer, error);
	json_decref(body);
	return rc < 0 ? -1 : 0;
}

static int check_describe(struct cli *cli, struct describe *describe, const struct cli_words *words)
{
	describe->file = words->count ? words->items[0] : NULL;
	bool shape = describe->canary || describe->percent_count || describe->in_flight || describe->per_minute ||
		     describe->soak_s || describe->success || describe->action || describe->trial_s;
	if (describe->file && shape)
		return cli_usage(cli, "with a file only --image, --name, --selector and --approvals can be given");
	if (!describe->file && !describe->image)
		return cli_usage(cli, "give a file with the description, or --image");
	return 0;
}

static int start_created(struct client *client, const char *id, json_t **answer, struct fleet_error *error)
{
	char path[128];
	snprintf(path, sizeof path, "/api/v1/rollouts/%s/start", id);
	return client_call(client, &(struct client_request){.method = "POST", .path = path}, answer, error);
}

static int create(struct cli *cli, const struct describe *describe, bool start)
{
	struct client client;
	struct fleet_error error;
	json_t *made = NULL, *started = NULL;
	int code = listing_client(cli, &client);
	if (code)
		return code;
	int rc = post(&client, "/api/v1/rollouts", describe, &made, &error);
	const char *id = json_string_value(json_object_get(made, "id"));
	if (rc == 0 && start && id)
		rc = start_created(&client, id, &started, &error) < 0 ? -1 : 0;
	if (rc < 0)
		code = cli_fail(&error);
	else if (cli->json)
		cli_print_json(started ? started : made, false);
	else
		printf("rollout %s is %s\n", id ? id : "?",
			start ? "started" : "a draft: `skerry rollout start` begins it");
	json_decref(made);
	json_decref(started);
	client_close(&client);
	return code;
}

static int run_create(struct cli *cli, int argc, char **argv)
{
	struct describe describe = {0};
	bool start = false;
	const struct option_spec specs[] = {
		DESCRIBE_OPTIONS(&describe), {.name = "--start", .flag = &start, .help = "start it at once"}, {0}};
	struct cli_words words = {.max = 1};
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	int rc = check_describe(cli, &describe, &words);
	return rc ? rc : create(cli, &describe, start);
}

static void print_windows(const json_t *plan)
{
	const json_t *windows = json_object_get(json_object_get(plan, "spec"), "windows");
	json_int_t cannot = json_integer_value(json_object_get(plan, "cannotHold"));
	const char *download = json_string_value(json_object_get(windows, "download")),
		   *flash = json_string_value(json_object_get(windows, "flash"));
	if (download && flash)
		printf("windows, in each device's time zone: download '%s', reset '%s'\n", download, flash);
	if (cannot)
		printf("%lld of them cannot hold an image until their window: they begin only while both are open\n",
			(long long)cannot);
}

static void print_plan(const json_t *plan)
{
	size_t index, i;
	const json_t *wave, *device;
	printf("%lld of %lld matching devices, in %zu waves\n",
		(long long)json_integer_value(json_object_get(plan, "devices")),
		(long long)json_integer_value(json_object_get(plan, "matching")),
		json_array_size(json_object_get(plan, "waves")));
	print_windows(plan);
	json_array_foreach(json_object_get(plan, "waves"), index, wave)
	{
		printf("\nwave %zu '%s': %lld devices, %lld of them online, %lld run the image already; opens %lld s "
		       "after the "
		       "start at the earliest\n ",
			index + 1, json_string_value(json_object_get(wave, "name")),
			(long long)json_integer_value(json_object_get(wave, "size")),
			(long long)json_integer_value(json_object_get(wave, "online")),
			(long long)json_integer_value(json_object_get(wave, "runsIt")),
			(long long)json_integer_value(json_object_get(wave, "opensAfterS")));
		json_array_foreach(json_object_get(wave, "devices"), i, device)
		{
			printf(" %s", json_string_value(device));
		}
		putchar('\n');
	}
	printf("\nin no wave: %lld; in other rollouts: %lld\n",
		(long long)json_integer_value(json_object_get(plan, "inNoWave")),
		(long long)json_integer_value(json_object_get(plan, "inOtherRollouts")));
	json_array_foreach(json_object_get(plan, "unknownTimezones"), index, device)
	{
		cli_warn("%s would be skipped: its time zone '%s' is not known",
			json_string_value(json_object_get(device, "device")),
			json_string_value(json_object_get(device, "timezone")));
	}
}

static int run_plan(struct cli *cli, int argc, char **argv)
{
	struct describe describe = {0};
	const struct option_spec specs[] = {DESCRIBE_OPTIONS(&describe), {0}};
	struct cli_words words = {.max = 1};
	struct client client;
	struct fleet_error error;
	json_t *plan = NULL;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	int code = check_describe(cli, &describe, &words);
	if (code == 0)
		code = listing_client(cli, &client);
	if (code)
		return code;
	if (post(&client, "/api/v1/rollouts/plan", &describe, &plan, &error) < 0)
		code = cli_fail(&error);
	else if (cli->json)
		cli_print_json(plan, false);
	else
		print_plan(plan);
	json_decref(plan);
	client_close(&client);
	return code;
}

/* ---- listings ---- */

static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"ROLLOUT", "id"}, {"NAME", "name"}, {"VERSION", "version"},
		{"STATE", "state"}, {"SUCCEEDED", "counts.succeeded"}, {"FAILED", "counts.failed"},
		{"PENDING", "counts.pending"}, {"REASON", "reason"}, {0}};
	struct cli_words words = {0};
	if (!cli_options(cli, no_options, argc, argv, &words))
		return cli->exit_code;
	return listing_print(cli, &(struct listing){.path = "/api/v1/rollouts?limit=500",
					  .member = "rollouts",
					  .columns = columns,
					  .empty = "no rollouts"});
}

static int run_show(struct cli *cli, int argc, char **argv)
{
	char path[128];
	const char *id = rollout_word(cli, no_options, argc, argv);
	if (!id)
		return cli->exit_code;
	snprintf(path, sizeof path, "/api/v1/rollouts/%s", id);
	return listing_show(cli, "GET", path);
}

static int run_targets(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"DEVICE", "device"}, {"WAVE", "wave"}, {"STATE", "state"},
		{"ONLINE", "online"}, {"VERSION", "version"}, {"STEP", "jobDetails.step"}, {"ERROR", "error"}, {0}};
	const char *state = NULL, *after = NULL;
	char path[300];
	const struct option_spec specs[] = {
		{.name = "--state", .value = "STATE", .text = &state, .help = "only those in this state"},
		{.name = "--after", .value = "DEVICE", .text = &after, .help = "the next 500, after this one"},
		{0},
	};
	const char *id = rollout_word(cli, specs, argc, argv);
	if (!id)
		return cli->exit_code;
	if ((state && !text_is_id(state)) || (after && !text_is_id(after)))
		return cli_usage(cli, "'%s' is neither a state nor a device id", state ? state : after);
	snprintf(path, sizeof path, "/api/v1/rollouts/%s/targets?limit=500%s%s%s%s", id, state ? "&state=" : "",
		state ? state : "", after ? "&cursor=" : "", after ? after : "");
	return listing_print(
		cli, &(struct listing){.path = path, .member = "targets", .columns = columns, .empty = "no devices"});
}

/* ---- watching ---- */

static int run_watch(struct cli *cli, int argc, char **argv)
{
	uint64_t timeout_s = 0;
	const struct option_spec specs[] = {{.name = "--timeout",
						    .value = "SECONDS",
						    .number = &timeout_s,
						    .min = 1,
						    .max = 31536000,
						    .help = "watch at most so long; the rollout goes on"},
		{0}};
	struct client client;
	const char *id = rollout_word(cli, specs, argc, argv);
	if (!id)
		return cli->exit_code;
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	rc = follow_rollout(cli, &client, id, timeout_s);
	client_close(&client);
	return rc;
}

/* ---- verbs ---- */

/* The verb is the command's last word. */
static int run_verb(struct cli *cli, int argc, char **argv)
{
	struct client client;
	struct fleet_error error;
	json_t *answer = NULL;
	char path[128];
	const char *id = rollout_word(cli, no_options, argc, argv);
	if (!id)
		return cli->exit_code;
	int code = listing_client(cli, &client);
	if (code)
		return code;
	snprintf(path, sizeof path, "/api/v1/rollouts/%s/%s", id, strrchr(cli->command->name, ' ') + 1);
	if (client_call(&client, &(struct client_request){.method = "POST", .path = path}, &answer, &error) < 0)
		code = cli_fail(&error);
	else if (cli->json)
		cli_print_json(answer, false);
	else
		printf("rollout %s is %s\n", id, json_string_value(json_object_get(answer, "state")));
	json_decref(answer);
	client_close(&client);
	return code;
}

#define OPTIONS "[--selector SELECTOR] [--canary N] [--percent P]..."
const struct command command_rollout_create = {.name = "rollout create",
	.arguments = "FILE.json | --image IMAGE " OPTIONS " [--start]",
	.summary = "bring an image to many devices, in waves",
	.details = "A file says all that fleet/ROLLOUTS.md describes.",
	.run = run_create};
const struct command command_rollout_plan = {.name = "rollout plan",
	.arguments = "FILE.json | --image IMAGE " OPTIONS,
	.summary = "who would get it, and when; nothing is made",
	.run = run_plan};
const struct command command_rollout_list = {
	.name = "rollout list", .arguments = "", .summary = "rollouts, newest first", .run = run_list};
const struct command command_rollout_show = {
	.name = "rollout show", .arguments = "ROLLOUT", .summary = "everything about a rollout", .run = run_show};
const struct command command_rollout_targets = {.name = "rollout targets",
	.arguments = "ROLLOUT [--state STATE] [--after DEVICE]",
	.summary = "the devices of a rollout, 500 at most",
	.run = run_targets};
const struct command command_rollout_watch = {.name = "rollout watch",
	.arguments = "ROLLOUT [--timeout SECONDS]",
	.summary = "watch a rollout until it ends or stops itself",
	.details = "Exit code: 0 complete and nobody failed, 3 complete with failures, or paused, 6 aborted or rolled "
		   "back, "
		   "5 not over in time, 1 other errors.",
	.run = run_watch};
#define VERB(verb, text)                                                                                               \
	const struct command command_rollout_##verb = {                                                                \
		.name = "rollout " #verb, .arguments = "ROLLOUT", .summary = text, .run = run_verb}
VERB(start, "start a draft");
VERB(pause, "start no further device; what is under way goes on");
VERB(resume, "go on; what failed up to now is forgiven");
VERB(abort, "end it: withdraw and cancel what has not ended");
VERB(rollback, "abort it, and bring those that succeeded back to what they ran before");
VERB(retry, "another try for those that failed or timed out");
VERB(approve, "approve a draft that somebody else made");
VERB(close, "nobody joins any more; of an ending one, give up those still waited for");
