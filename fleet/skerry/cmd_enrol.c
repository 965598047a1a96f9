/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry enrol create|list|revoke`: tokens with which devices claim an identity. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

#define ATTRIBUTES_MAX 16

struct wish {
	const char *board, *pattern;
	uint64_t uses, days;
	const char *attributes[ATTRIBUTES_MAX];
	size_t attribute_count;
};

/* ---- create ---- */

/* "name=value"s as an object; NULL: one of them is none. */
static json_t *attributes_json(const struct wish *wish)
{
	json_t *object = json_object();
	for (size_t i = 0; i < wish->attribute_count; i++) {
		char name[33];
		const char *text = wish->attributes[i], *equals = strchr(text, '=');
		snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - text) : 0, text);
		if (!equals || equals - text > 32 || !text_is_name(name)) {
			json_decref(object);
			return NULL;
		}
		json_object_set_new(object, name, json_string(equals + 1));
	}
	return object;
}

static void say(const struct cli *cli, const json_t *answer)
{
	char until[64];
	if (cli->json) {
		cli_print_json(answer, false);
		return;
	}
	cli_time_text(json_integer_value(json_object_get(answer, "expiresAt")), until, sizeof until);
	printf("%s\n", json_string_value(json_object_get(answer, "token")));
	fprintf(stderr, "enrolment %s: %lld use%s, until %s; the token is not shown again\n",
		json_string_value(json_object_get(answer, "id")),
		(long long)json_integer_value(json_object_get(answer, "usesLeft")),
		json_integer_value(json_object_get(answer, "usesLeft")) == 1 ? "" : "s", until);
}

static int send_wish(struct cli *cli, const struct wish *wish, json_t *attributes)
{
	struct client client;
	struct fleet_error error;
	json_t *answer = NULL;
	if (client_open(&client, &cli->home, &error) < 0)
		return cli_fail(&error);
	json_t *body = json_pack("{s:s, s:s*, s:I, s:I, s:O}", "board", wish->board, "pattern", wish->pattern, "uses",
		(json_int_t)wish->uses, "lifetimeS", (json_int_t)wish->days * 86400, "attributes", attributes);
	const struct client_request request = {.method = "POST", .path = "/api/v1/enrolments", .json = body};
	int rc = client_call(&client, &request, &answer, &error) < 0 ? cli_fail(&error) : EXIT_OK;
	if (rc == EXIT_OK)
		say(cli, answer);
	json_decref(answer);
	json_decref(body);
	client_close(&client);
	return rc;
}

static int run_create(struct cli *cli, int argc, char **argv)
{
	struct wish wish = {.uses = 1, .days = 30};
	const struct option_spec specs[] = {
		{.name = "--board", .value = "BOARD", .text = &wish.board, .help = "the devices' board"},
		{.name = "--pattern",
			.value = "TEXT",
			.text = &wish.pattern,
			.help = "of their ids (default dev-{key}); {key}: of the device's own key, {serial}: its "
				"serial number"},
		{.name = "--uses",
			.value = "N",
			.number = &wish.uses,
			.min = 1,
			.max = 1000000,
			.help = "for how many devices (default 1)"},
		{.name = "--days",
			.value = "N",
			.number = &wish.days,
			.min = 1,
			.max = 3650,
			.help = "how long the token can be used (default 30)"},
		{.name = "--attribute",
			.value = "NAME=VALUE",
			.list = wish.attributes,
			.list_max = ATTRIBUTES_MAX,
			.list_count = &wish.attribute_count,
			.help = "what the devices have in the registry"},
		{0},
	};
	struct cli_words words = {0};
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	if (!wish.board)
		return cli_usage(cli, "--board is missing");
	json_t *attributes = attributes_json(&wish);
	if (!attributes)
		return cli_usage(cli, "--attribute is NAME=VALUE");
	int rc = cli_home(cli);
	if (rc == 0)
		rc = send_wish(cli, &wish, attributes);
	json_decref(attributes);
	return rc;
}

/* ---- list, revoke ---- */

static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"ENROLMENT", "id"}, {"BOARD", "board"}, {"PATTERN", "pattern"},
		{"USED", "uses"}, {"LEFT", "usesLeft"}, {"ADDED", "addedAt"}, {"EXPIRES", "expiresAt"}, {0}};
	static const struct listing listing = {.path = "/api/v1/enrolments",
		.member = "enrolments",
		.columns = columns,
		.empty = "no enrolments; make one with `skerry enrol create`"};
	const struct option_spec specs[] = {{0}};
	struct cli_words words = {0};
	return cli_options(cli, specs, argc, argv, &words) ? listing_print(cli, &listing) : cli->exit_code;
}

static int run_revoke(struct cli *cli, int argc, char **argv)
{
	const struct option_spec specs[] = {{0}};
	char path[128];
	const char *id = cli_id(cli, specs, argc, argv, "an enrolment's id");
	if (!id)
		return cli->exit_code;
	snprintf(path, sizeof path, "/api/v1/enrolments/%s", id);
	return listing_show(cli, "DELETE", path);
}

const struct command command_enrol_create = {
	.name = "enrol create",
	.arguments = "--board BOARD [--uses N] [--days N] [--pattern TEXT] [--attribute NAME=VALUE]...",
	.summary = "make a token with which devices claim an identity",
	.details = "Prints the token, once. `skerry device disk` puts it on a disk.",
	.run = run_create,
};
const struct command command_enrol_list = {
	.name = "enrol list", .arguments = "", .summary = "enrolment tokens and their uses", .run = run_list};
const struct command command_enrol_revoke = {.name = "enrol revoke",
	.arguments = "ENROLMENT",
	.summary = "nobody new is let in with this token",
	.run = run_revoke};
