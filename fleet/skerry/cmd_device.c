/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry device list|show`, `skerry image list` and `skerry status`. */
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

static const struct option_spec no_options[] = {{0}};

static bool no_words(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {0};
	return cli_options(cli, no_options, argc, argv, &words);
}

#define CERT_WARN_S (30 * 86400)

/* `certificate` of each: how long it holds when that is not long any more; a device that made no claim has one for many years. */
static void mark_certificates(json_t *rows)
{
	time_t now = time(NULL);
	size_t index;
	json_t *row;
	char text[40];
	json_array_foreach(rows, index, row)
	{
		const json_t *expires = json_object_get(row, "certExpires");
		json_int_t left_s = json_integer_value(expires) - now;
		if (!expires)
			continue;
		snprintf(text, sizeof text, "%lld days", (long long)(left_s / 86400));
		json_object_set_new(row, "certificate",
			json_string(left_s <= 0            ? "expired"
				    : left_s < CERT_WARN_S ? text
							   : "good"));
	}
}

static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"DEVICE", "id"}, {"BOARD", "board"}, {"ONLINE", "online"},
		{"VERSION", "version"}, {"SLOT", "slot"}, {"HEALTH", "health"}, {"JOB", "job.status"},
		{"LAST SEEN", "lastSeen"}, {"CERTIFICATE", "certificate"}, {"LAST ERROR", "lastError"}, {0}};
	const char *selector = NULL, *text = NULL;
	const struct option_spec specs[] = {
		{.name = "--selector",
			.letter = 'l',
			.value = "SELECTOR",
			.text = &selector,
			.help = "those that match"},
		{.name = "--search", .value = "TEXT", .text = &text, .help = "with it in id, version or attributes"},
		{0},
	};
	struct cli_words words = {0};
	char path[PATH_MAX] = "/api/v1/devices";
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	listing_add_query(path, sizeof path, "selector", selector);
	listing_add_query(path, sizeof path, "q", text);
	return listing_print(cli, &(struct listing){.path = path,
					  .member = "devices",
					  .columns = columns,
					  .paged = true,
					  .prepare = cli->json ? NULL : mark_certificates,
					  .empty = selector || text ? "no device matches"
								    : "no devices; add one with `skerry device add`"});
}

static int run_images(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"APP", "app"}, {"VERSION", "version"}, {"BOARD", "board"},
		{"COUNTER", "counter"}, {"BYTES", "bytes"}, {"ADDED", "addedAt"}, {"DIGEST", "digest"}, {0}};
	static const struct listing listing = {.path = "/api/v1/images",
		.member = "images",
		.columns = columns,
		.empty = "no images; `skerry update` uploads them"};
	return no_words(cli, argc, argv) ? listing_print(cli, &listing) : cli->exit_code;
}

static int run_show(struct cli *cli, int argc, char **argv)
{
	char path[128];
	const char *id = cli_id(cli, no_options, argc, argv, "a device id");
	if (!id)
		return cli->exit_code;
	snprintf(path, sizeof path, "/api/v1/devices/%s", id);
	return listing_show(cli, "GET", path);
}

static int run_revoke(struct cli *cli, int argc, char **argv)
{
	char path[128];
	const char *id = cli_id(cli, no_options, argc, argv, "a device id");
	if (!id)
		return cli->exit_code;
	snprintf(path, sizeof path, "/api/v1/devices/%s/revoke", id);
	return listing_show(cli, "POST", path);
}

static int run_status(struct cli *cli, int argc, char **argv)
{
	return no_words(cli, argc, argv) ? listing_show(cli, "GET", "/api/v1/status") : cli->exit_code;
}

const struct command command_device_list = {.name = "device list",
	.arguments = "[--selector SELECTOR] [--search TEXT]",
	.summary = "devices and what they run",
	.details = "SELECTOR: terms joined by commas: NAME=VALUE, NAME!=VALUE, NAME in (A B), NAME, !NAME. Names are "
		   "attributes, or\n"
		   "id board app version digest online state health mode tenant group channel slot serial mac. Retired "
		   "devices: "
		   "state=retired.",
	.run = run_list};
const struct command command_device_show = {
	.name = "device show", .arguments = "ID", .summary = "everything about a device", .run = run_show};
const struct command command_device_revoke = {.name = "device revoke",
	.arguments = "ID",
	.summary = "let a device in no more: its certificate counts nothing",
	.details = "At once, and for ever: the device needs another key and another id to come back.",
	.run = run_revoke};
const struct command command_image_list = {
	.name = "image list", .arguments = "", .summary = "images on the server", .run = run_images};
const struct command command_status = {
	.name = "status", .arguments = "", .summary = "is skerryd well, does it reach the broker", .run = run_status};
