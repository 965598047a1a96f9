/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry device set|remove`, `skerry group list|set|remove`. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

static const struct option_spec no_options[] = {{0}};

/* "/api/v1/devices/ID" of the first word. False: leave with cli->exit_code. */
static bool device_path(struct cli *cli, const struct cli_words *words, char path[128])
{
	if (!text_is_id(words->items[0])) {
		cli->exit_code = cli_usage(cli, "'%s' is not a device id", words->items[0]);
		return false;
	}
	snprintf(path, 128, "/api/v1/devices/%s", words->items[0]);
	return true;
}

/* ---- devices ---- */

/* "name=value" or "name-" into the patch. */
static int add_change(const struct cli *cli, json_t *patch, const char *word)
{
	const char *sign = strchr(word, '=');
	size_t len = strlen(word);
	char name[65];
	if (!sign && len > 1 && word[len - 1] == '-')
		sign = word + len - 1;
	if (!sign || sign == word || (size_t)(sign - word) >= sizeof name)
		return cli_usage(cli, "'%s' is neither NAME=VALUE nor NAME-", word);
	snprintf(name, sizeof name, "%.*s", (int)(sign - word), word);
	json_t *value = *sign == '=' ? json_string(sign + 1) : json_null();
	if (!value || json_object_set_new(patch, name, value) < 0)
		return cli_usage(cli, "'%s' is not UTF-8", word);
	return EXIT_OK;
}

static int run_set(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 2, .max = CLI_WORDS_MAX};
	char path[128];
	if (!cli_options(cli, no_options, argc, argv, &words) || !device_path(cli, &words, path))
		return cli->exit_code;
	json_t *patch = json_object();
	int rc = EXIT_OK;
	for (size_t i = 1; rc == EXIT_OK && i < words.count; i++)
		rc = add_change(cli, patch, words.items[i]);
	if (rc != EXIT_OK) {
		json_decref(patch);
		return rc;
	}
	return listing_send(cli, "PATCH", path, json_pack("{s:o}", "attributes", patch));
}

static int run_remove(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 1, .max = 1};
	char path[128];
	if (!cli_options(cli, no_options, argc, argv, &words) || !device_path(cli, &words, path))
		return cli->exit_code;
	return listing_show(cli, "DELETE", path);
}

/* ---- groups ---- */

static const char *group_tenant;
static const struct option_spec tenant_options[] = {
	{.name = "--tenant", .value = "NAME", .text = &group_tenant, .help = "whose; for tokens of all tenants"},
	{0},
};

static int run_group_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {
		{"GROUP", "name"}, {"SELECTOR", "selector"}, {"TENANT", "tenant"}, {0}};
	static const struct listing listing = {.path = "/api/v1/groups",
		.member = "groups",
		.columns = columns,
		.empty = "no groups; make one with `skerry group set`"};
	struct cli_words words = {0};
	return cli_options(cli, no_options, argc, argv, &words) ? listing_print(cli, &listing) : cli->exit_code;
}

/* "/api/v1/groups/NAME" of the first word. False: leave with cli->exit_code. */
static bool group_path(struct cli *cli, const struct cli_words *words, char path[256])
{
	if (!text_is_name(words->items[0])) {
		cli->exit_code = cli_usage(
			cli, "'%s' is not a name: letters, digits, '.', '_', '-', at most 32", words->items[0]);
		return false;
	}
	snprintf(path, 256, "/api/v1/groups/%s", words->items[0]);
	listing_add_query(path, 256, "tenant", group_tenant);
	return true;
}

static int run_group_set(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 2, .max = 2};
	char path[256];
	if (!cli_options(cli, tenant_options, argc, argv, &words) || !group_path(cli, &words, path))
		return cli->exit_code;
	return listing_send(cli, "PUT", path, json_pack("{s:s}", "selector", words.items[1]));
}

static int run_group_remove(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 1, .max = 1};
	char path[256];
	if (!cli_options(cli, tenant_options, argc, argv, &words) || !group_path(cli, &words, path))
		return cli->exit_code;
	return listing_show(cli, "DELETE", path);
}

const struct command command_device_set = {.name = "device set",
	.arguments = "ID NAME=VALUE|NAME- ...",
	.summary = "set attributes of a device, or take them away (NAME-)",
	.details = "Selectors find devices by them: skerry device list --selector site=roof",
	.run = run_set};
const struct command command_device_remove = {.name = "device remove",
	.arguments = "ID",
	.summary = "take a device out of the fleet",
	.details = "Its job is canceled and its messages are refused from now on; what is known of it stays "
		   "(state=retired).\n"
		   "devices/ID of the home stays, too: remove it by hand, with the device's key.",
	.run = run_remove};
const struct command command_group_list = {
	.name = "group list", .arguments = "", .summary = "groups: selectors with a name", .run = run_group_list};
const struct command command_group_set = {.name = "group set",
	.arguments = "NAME SELECTOR [--tenant NAME]",
	.summary = "make or change a group; selectors use it as group=NAME",
	.run = run_group_set};
const struct command command_group_remove = {.name = "group remove",
	.arguments = "NAME [--tenant NAME]",
	.summary = "forget a group; its devices stay",
	.run = run_group_remove};
