/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry logs`, `skerry events` and `skerry telemetry`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

static void print_log(const json_t *row)
{
	char at[32];
	const char *line = json_string_value(json_object_get(row, "text"));
	cli_time_text(json_integer_value(json_object_get(row, "time")), at, sizeof at);
	printf("%s  ", at);
	cli_print_clean(line ? line : "");
	putchar('\n');
}

static void print_event(const json_t *row)
{
	char at[32], device[80], kind[48];
	const char *text = json_string_value(json_object_get(row, "text"));
	cli_time_text(json_integer_value(json_object_get(row, "time")), at, sizeof at);
	cli_member_text(row, "device", device, sizeof device);
	cli_member_text(row, "kind", kind, sizeof kind);
	printf("%s  %-14s %-16s ", at, device, kind);
	cli_print_clean(text ? text : "");
	putchar('\n');
}

static int run_logs(struct cli *cli, int argc, char **argv)
{
	bool follow = false;
	const struct option_spec specs[] = {
		{.name = "--follow", .letter = 'f', .flag = &follow, .help = "go on with new lines"}, {0}};
	char path[128];
	const char *id = cli_id(cli, specs, argc, argv, "a device id");
	if (!id)
		return cli->exit_code;
	snprintf(path, sizeof path, "/api/v1/devices/%s/logs?", id);
	return listing_stream(
		cli, &(struct listing_stream){.path = path, .member = "lines", .follow = follow, .print = print_log});
}

static int run_events(struct cli *cli, int argc, char **argv)
{
	bool follow = false;
	const char *device = NULL;
	const struct option_spec specs[] = {
		{.name = "--follow", .letter = 'f', .flag = &follow, .help = "go on with new events"},
		{.name = "--device", .value = "ID", .text = &device, .help = "of this device only"},
		{0},
	};
	struct cli_words words = {0};
	char path[160];
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	if (device && !text_is_id(device))
		return cli_usage(cli, "--device '%s' is not a device id", device);
	snprintf(path, sizeof path, "/api/v1/events?%s%s%s", device ? "device=" : "", device ? device : "",
		device ? "&" : "");
	return listing_stream(cli,
		&(struct listing_stream){.path = path, .member = "events", .follow = follow, .print = print_event});
}

static void print_telemetry(const json_t *row)
{
	char at[32], name[48];
	char *value =
		json_dumps(json_object_get(row, "value"), JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
	cli_time_text(json_integer_value(json_object_get(row, "time")), at, sizeof at);
	cli_member_text(row, "name", name, sizeof name);
	printf("%s  %-16s ", at, name);
	cli_print_clean(value ? value : "-");
	putchar('\n');
	free(value);
}

static int run_telemetry(struct cli *cli, int argc, char **argv)
{
	bool follow = false;
	const char *name = NULL;
	const struct option_spec specs[] = {
		{.name = "--follow", .letter = 'f', .flag = &follow, .help = "go on with new values"},
		{.name = "--name", .value = "NAME", .text = &name, .help = "of this name only"},
		{0},
	};
	char path[200];
	const char *id = cli_id(cli, specs, argc, argv, "a device id");
	if (!id)
		return cli->exit_code;
	if (name && !text_is_name(name))
		return cli_usage(cli, "--name '%s' is not a name of telemetry", name);
	snprintf(path, sizeof path, "/api/v1/devices/%s/telemetry?%s%s%s", id, name ? "name=" : "", name ? name : "",
		name ? "&" : "");
	return listing_stream(
		cli, &(struct listing_stream){
			     .path = path, .member = "telemetry", .follow = follow, .print = print_telemetry});
}

const struct command command_logs = {
	.name = "logs", .arguments = "DEVICE [-f]", .summary = "a device's log lines", .run = run_logs};
const struct command command_events = {.name = "events",
	.arguments = "[-f] [--device ID]",
	.summary = "what happened: jobs, presence, reports",
	.run = run_events};
const struct command command_telemetry = {.name = "telemetry",
	.arguments = "DEVICE [-f] [--name NAME]",
	.summary = "what a device's app measures",
	.run = run_telemetry};
