/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry channel list|set|remove`, `skerry image remove|prune`: which images are offered, and which are kept. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

static const char *channel_tenant;
static const struct option_spec no_options[] = {{0}};
static const struct option_spec tenant_options[] = {
	{.name = "--tenant", .value = "NAME", .text = &channel_tenant, .help = "whose; for tokens of all tenants"},
	{0},
};

/* ---- channels ---- */

static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"APP", "app"}, {"BOARD", "board"}, {"CHANNEL", "name"},
		{"VERSION", "version"}, {"SET", "setAt"}, {"TENANT", "tenant"}, {"DIGEST", "digest"}, {0}};
	static const struct listing listing = {.path = "/api/v1/channels",
		.member = "channels",
		.columns = columns,
		.empty = "no channels; make one with `skerry channel set`"};
	struct cli_words words = {0};
	return cli_options(cli, no_options, argc, argv, &words) ? listing_print(cli, &listing) : cli->exit_code;
}

/* "/api/v1/channels/APP/BOARD/NAME" of the word "APP/BOARD/NAME". False: leave with cli->exit_code. */
static bool channel_path(struct cli *cli, const char *word, char path[256])
{
	char app[33], board[33], name[33], rest;
	if (sscanf(word, "%32[^/]/%32[^/]/%32[^/]%c", app, board, name, &rest) != 3 || !text_is_name(app) ||
		!text_is_name(board) || !text_is_name(name)) {
		cli->exit_code = cli_usage(cli, "'%s' is not APP/BOARD/NAME", word);
		return false;
	}
	snprintf(path, 256, "/api/v1/channels/%s", word);
	listing_add_query(path, 256, "tenant", channel_tenant);
	return true;
}

static int run_set(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 2, .max = 2};
	char path[256];
	if (!cli_options(cli, tenant_options, argc, argv, &words) || !channel_path(cli, words.items[0], path))
		return cli->exit_code;
	return listing_send(cli, "PUT", path, json_pack("{s:s}", "digest", words.items[1]));
}

static int run_remove(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 1, .max = 1};
	char path[256];
	if (!cli_options(cli, tenant_options, argc, argv, &words) || !channel_path(cli, words.items[0], path))
		return cli->exit_code;
	return listing_show(cli, "DELETE", path);
}

/* ---- images ---- */

static int run_image_remove(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 1, .max = 1};
	char path[128];
	if (!cli_options(cli, no_options, argc, argv, &words))
		return cli->exit_code;
	if (strspn(words.items[0], "0123456789abcdef") != 64 || words.items[0][64])
		return cli_usage(cli, "'%s' is not a digest: 64 lower-case hex digits", words.items[0]);
	snprintf(path, sizeof path, "/api/v1/images/%s", words.items[0]);
	return listing_show(cli, "DELETE", path);
}

static bool is_same(const json_t *a, const json_t *b, const char *member)
{
	json_t *x = json_object_get(a, member), *y = json_object_get(b, member);
	return (!x && !y) || (x && y && json_equal(x, y));
}

/* How many before it in the list, which is newest first, are of the same app and board. */
static uint64_t newer_ones(const json_t *images, size_t at)
{
	const json_t *image = json_array_get(images, at);
	uint64_t count = 0;
	for (size_t i = 0; i < at; i++)
		count += is_same(json_array_get(images, i), image, "app") &&
			 is_same(json_array_get(images, i), image, "board");
	return count;
}

/* 1: removed; 0: it is in use; -1. */
static int remove_one(struct client *client, const char *digest, struct fleet_error *error)
{
	char path[128];
	json_t *answer;
	snprintf(path, sizeof path, "/api/v1/images/%s", digest);
	int rc = client_call(client, &(struct client_request){.method = "DELETE", .path = path}, &answer, error);
	json_decref(answer);
	if (rc == 0)
		return 1;
	return client->status == 409 ? 0 : -1;
}

struct prune {
	json_t *removed, *in_use;
};

static int prune_images(struct client *client, uint64_t keep, struct prune *prune, struct fleet_error *error)
{
	json_t *answer;
	int rc = client_get(client, "/api/v1/images", &answer, error);
	const json_t *images = json_object_get(answer, "images");
	for (size_t i = 0; rc >= 0 && i < json_array_size(images); i++) {
		const json_t *digest = json_object_get(json_array_get(images, i), "digest");
		if (newer_ones(images, i) < keep)
			continue;
		rc = remove_one(client, json_string_value(digest), error);
		if (rc >= 0)
			json_array_append_new(rc ? prune->removed : prune->in_use, json_deep_copy(digest));
	}
	json_decref(answer);
	return rc < 0 ? -1 : 0;
}

static int run_image_prune(struct cli *cli, int argc, char **argv)
{
	uint64_t keep = 0;
	const struct option_spec specs[] = {
		{.name = "--keep",
			.value = "N",
			.number = &keep,
			.min = 1,
			.max = 1000,
			.help = "the newest N of each app and board"},
		{0},
	};
	struct cli_words words = {0};
	struct client client;
	struct fleet_error error;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	if (!keep)
		return cli_usage(cli, "--keep is missing");
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	struct prune prune = {json_array(), json_array()};
	rc = prune_images(&client, keep, &prune, &error) < 0 ? cli_fail(&error) : EXIT_OK;
	client_close(&client);
	json_t *said = json_pack("{s:o, s:o}", "removed", prune.removed, "inUse", prune.in_use);
	if (rc == EXIT_OK && cli->json)
		cli_print_json(said, false);
	else if (rc == EXIT_OK)
		printf("%zu images removed, %zu older ones are in use and stay\n", json_array_size(prune.removed),
			json_array_size(prune.in_use));
	json_decref(said);
	return rc;
}

const struct command command_channel_list = {.name = "channel list",
	.arguments = "",
	.summary = "which image of an app is stable, beta, … on a board",
	.run = run_list};
const struct command command_channel_set = {.name = "channel set",
	.arguments = "APP/BOARD/NAME DIGEST [--tenant NAME]",
	.summary = "let a channel name an image; selectors find who runs it by channel=NAME",
	.run = run_set};
const struct command command_channel_remove = {.name = "channel remove",
	.arguments = "APP/BOARD/NAME [--tenant NAME]",
	.summary = "forget a channel; its image stays",
	.run = run_remove};
const struct command command_image_remove = {.name = "image remove",
	.arguments = "DIGEST",
	.summary = "take an image that nobody uses from the server",
	.run = run_image_remove};
const struct command command_image_prune = {.name = "image prune",
	.arguments = "--keep N",
	.summary = "take old images from the server",
	.details = "Images that a device runs, or a channel, job or rollout names, stay.",
	.run = run_image_prune};
