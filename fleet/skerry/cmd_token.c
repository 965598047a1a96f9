/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry token create|list|revoke`, `skerry tenant add|list`, `skerry whoami`: who may do what. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

#define DAY_S 86400

static const struct option_spec no_options[] = {{0}};

/* Call and print what comes. */
static int call(struct cli *cli, const struct client_request *request, void (*print)(const json_t *answer))
{
	struct client client;
	struct fleet_error error;
	json_t *answer = NULL;
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	rc = client_call(&client, request, &answer, &error);
	client_close(&client);
	if (rc < 0)
		return cli_fail(&error);
	if (cli->json)
		cli_print_json(answer, false);
	else
		print(answer);
	json_decref(answer);
	return EXIT_OK;
}

static const char *member(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));
	return text ? text : "-";
}

/* ---- tokens ---- */

static void print_token(const json_t *answer)
{
	printf("%s\n", member(answer, "token"));
	fprintf(stderr,
		"token %s: keep it now, it is not shown again. Use: a home's operator/api-token, or the dashboard's "
		"sign-in\n",
		member(answer, "id"));
}

static int run_create(struct cli *cli, int argc, char **argv)
{
	const char *role = "viewer", *tenant = NULL;
	uint64_t days = 0;
	const struct option_spec options[] = {
		{.name = "--role", .value = "ROLE", .help = "viewer (the default), operator or admin", .text = &role},
		{.name = "--tenant", .value = "TENANT", .help = "sees this tenant only", .text = &tenant},
		{.name = "--days",
			.value = "N",
			.help = "ends after N days; without it never",
			.number = &days,
			.min = 1,
			.max = 3650},
		{0}};
	struct cli_words words = {.min = 1, .max = 1};
	if (!cli_options(cli, options, argc, argv, &words))
		return cli->exit_code;
	json_t *body = json_pack("{s:s, s:s, s:s*, s:o*}", "name", words.items[0], "role", role, "tenant", tenant,
		"expiresAt", days ? json_integer((json_int_t)time(NULL) + (json_int_t)days * DAY_S) : NULL);
	if (!body)
		return cli_usage(cli, "the name is no UTF-8");
	int rc = call(
		cli, &(struct client_request){.method = "POST", .path = "/api/v1/tokens", .json = body}, print_token);
	json_decref(body);
	return rc;
}

static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"ID", "id"}, {"NAME", "name"}, {"ROLE", "role"},
		{"TENANT", "tenant"}, {"ADDED", "addedAt"}, {"EXPIRES", "expiresAt"}, {"LAST USED", "lastUsed"}, {0}};
	static const struct listing listing = {.path = "/api/v1/tokens",
		.member = "tokens",
		.columns = columns,
		.empty = "no tokens but the home's own; make one with `skerry token create`"};
	struct cli_words words = {0};
	return cli_options(cli, no_options, argc, argv, &words) ? listing_print(cli, &listing) : cli->exit_code;
}

static void print_revoked(const json_t *answer)
{
	printf("token %s is revoked\n", member(answer, "id"));
}

static int run_revoke(struct cli *cli, int argc, char **argv)
{
	char path[128];
	const char *id = cli_id(cli, no_options, argc, argv, "the id of a token");
	if (!id)
		return cli->exit_code;
	snprintf(path, sizeof path, "/api/v1/tokens/%s", id);
	return call(cli, &(struct client_request){.method = "DELETE", .path = path}, print_revoked);
}

/* ---- tenants ---- */

static void print_tenant(const json_t *answer)
{
	printf("tenant %s\n", member(answer, "name"));
}

static int run_tenant_add(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 1, .max = 1};
	char path[128];
	if (!cli_options(cli, no_options, argc, argv, &words))
		return cli->exit_code;
	if (!text_is_name(words.items[0]))
		return cli_usage(
			cli, "'%s' is not a tenant's name: letters, digits, '_', '-', '.', at most 32", words.items[0]);
	snprintf(path, sizeof path, "/api/v1/tenants/%s", words.items[0]);
	return call(cli, &(struct client_request){.method = "PUT", .path = path}, print_tenant);
}

static int run_tenant_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"TENANT", "name"}, {"ADDED", "addedAt"}, {0}};
	static const struct listing listing = {
		.path = "/api/v1/tenants", .member = "tenants", .columns = columns, .empty = "no tenants"};
	struct cli_words words = {0};
	return cli_options(cli, no_options, argc, argv, &words) ? listing_print(cli, &listing) : cli->exit_code;
}

static int run_whoami(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {0};
	return cli_options(cli, no_options, argc, argv, &words) ? listing_show(cli, "GET", "/api/v1/whoami")
								: cli->exit_code;
}

const struct command command_token_create = {.name = "token create",
	.arguments = "NAME [--role ROLE] [--tenant TENANT] [--days N]",
	.summary = "a token for the API, printed once",
	.details = "NAME stands in the audit log. A viewer reads; an operator changes devices, images and rollouts; an "
		   "admin makes tokens.",
	.run = run_create};
const struct command command_token_list = {
	.name = "token list", .arguments = "", .summary = "who may use the API", .run = run_list};
const struct command command_token_revoke = {
	.name = "token revoke", .arguments = "ID", .summary = "from now on it counts no more", .run = run_revoke};
const struct command command_tenant_add = {.name = "tenant add",
	.arguments = "NAME",
	.summary = "a part of the fleet that has its own operators",
	.run = run_tenant_add};
const struct command command_tenant_list = {
	.name = "tenant list", .arguments = "", .summary = "the fleet's tenants", .run = run_tenant_list};
const struct command command_whoami = {
	.name = "whoami", .arguments = "", .summary = "what this home's token may", .run = run_whoami};
