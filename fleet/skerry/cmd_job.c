/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry job list|show|wait|cancel`. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"
#include "skerry/follow.h"
#include "skerry/listing.h"

static bool is_open(const json_t *job)
{
	const char *status = json_string_value(json_object_get(job, "status"));
	return status && (strcmp(status, "QUEUED") == 0 || strcmp(status, "IN_PROGRESS") == 0);
}

static void keep_open(json_t *jobs)
{
	for (size_t i = json_array_size(jobs); i-- > 0;)
		if (!is_open(json_array_get(jobs, i)))
			json_array_remove(jobs, i);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"JOB", "jobId"}, {"DEVICE", "device"}, {"VERSION", "version"},
		{"STATUS", "status"}, {"STEP", "statusDetails.step"}, {"ERROR", "statusDetails.error"},
		{"QUEUED", "queuedAt"}, {0}};
	const char *device = NULL;
	bool open = false;
	const struct option_spec specs[] = {
		{.name = "--device", .value = "ID", .text = &device, .help = "of this device only"},
		{.name = "--open", .flag = &open, .help = "only those that have not ended"},
		{0},
	};
	struct cli_words words = {0};
	char path[200];
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	if (device && !text_is_id(device))
		return cli_usage(cli, "--device '%s' is not a device id", device);
	snprintf(path, sizeof path, "/api/v1/jobs%s%s", device ? "?device=" : "", device ? device : "");
	return listing_print(cli, &(struct listing){.path = path,
					  .member = "jobs",
					  .columns = columns,
					  .empty = "no jobs",
					  .prepare = open ? keep_open : NULL});
}

static const char *job_word(struct cli *cli, const struct option_spec *specs, int argc, char **argv)
{
	return cli_id(cli, specs, argc, argv, "a job id");
}

static const struct option_spec no_options[] = {{0}};

static int run_show(struct cli *cli, int argc, char **argv)
{
	char path[128];
	const char *job = job_word(cli, no_options, argc, argv);
	if (!job)
		return cli->exit_code;
	snprintf(path, sizeof path, "/api/v1/jobs/%s", job);
	return listing_show(cli, "GET", path);
}

static int run_cancel(struct cli *cli, int argc, char **argv)
{
	char path[128];
	const char *job = job_word(cli, no_options, argc, argv);
	if (!job)
		return cli->exit_code;
	snprintf(path, sizeof path, "/api/v1/jobs/%s/cancel", job);
	return listing_show(cli, "POST", path);
}

static int run_wait(struct cli *cli, int argc, char **argv)
{
	uint64_t timeout_s = 0;
	const struct option_spec specs[] = {
		{.name = "--timeout",
			.value = "SECONDS",
			.number = &timeout_s,
			.min = 1,
			.max = 31536000,
			.help = "watch at most so long"},
		{0},
	};
	struct client client;
	const char *job = job_word(cli, specs, argc, argv);
	if (!job)
		return cli->exit_code;
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	rc = follow_job(cli, &client, job, timeout_s);
	client_close(&client);
	return rc;
}

const struct command command_job_list = {
	.name = "job list", .arguments = "[--device ID] [--open]", .summary = "jobs, newest first", .run = run_list};
const struct command command_job_show = {
	.name = "job show", .arguments = "JOB", .summary = "everything about a job", .run = run_show};
const struct command command_job_wait = {.name = "job wait",
	.arguments = "JOB [--timeout SECONDS]",
	.summary = "watch a job until it ends",
	.details = "Exit codes as of `skerry update`.",
	.run = run_wait};
const struct command command_job_cancel = {.name = "job cancel",
	.arguments = "JOB",
	.summary = "withdraw a job",
	.details = "A device that already tries the new image cannot be stopped; its report tells what it runs in the "
		   "end.",
	.run = run_cancel};
