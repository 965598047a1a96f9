/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry device list|show`, `skerry image list` and `skerry status`. */
#include <stdio.h>

#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

static const struct option_spec no_options[] = {{0}};

static bool no_words(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {0};
	return cli_options(cli, no_options, argc, argv, &words);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"DEVICE", "id"}, {"BOARD", "board"}, {"ONLINE", "online"},
		{"VERSION", "version"}, {"SLOT", "slot"}, {"MODE", "mode"}, {"JOB", "job.status"},
		{"LAST SEEN", "lastSeen"}, {0}};
	static const struct listing listing = {.path = "/api/v1/devices",
		.member = "devices",
		.columns = columns,
		.empty = "no devices; add one with `skerry device add`"};
	return no_words(cli, argc, argv) ? listing_print(cli, &listing) : cli->exit_code;
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
	struct cli_words words = {.min = 1, .max = 1};
	char path[128];
	if (!cli_options(cli, no_options, argc, argv, &words))
		return cli->exit_code;
	if (!text_is_id(words.items[0]))
		return cli_usage(cli, "'%s' is not a device id", words.items[0]);
	snprintf(path, sizeof path, "/api/v1/devices/%s", words.items[0]);
	return listing_show(cli, "GET", path);
}

static int run_status(struct cli *cli, int argc, char **argv)
{
	return no_words(cli, argc, argv) ? listing_show(cli, "GET", "/api/v1/status") : cli->exit_code;
}

const struct command command_device_list = {
	.name = "device list", .arguments = "", .summary = "devices and what they run", .run = run_list};
const struct command command_device_show = {
	.name = "device show", .arguments = "ID", .summary = "everything about a device", .run = run_show};
const struct command command_image_list = {
	.name = "image list", .arguments = "", .summary = "images on the server", .run = run_images};
const struct command command_status = {
	.name = "status", .arguments = "", .summary = "is skerryd well, does it reach the broker", .run = run_status};
