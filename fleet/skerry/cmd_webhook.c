/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry webhook add|list|remove|test`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

#define KINDS_MAX      32
#define TEST_SECONDS   30
#define POLLS_A_SECOND 4

/* The last one says how it ended. */
static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"ID", "id"}, {"URL", "url"}, {"TENANT", "tenant"},
		{"QUEUED", "queued"}, {"LAST", "lastAt"}, {"STATUS", "lastStatus"}, {"ERROR", "lastError"}, {0}};
	static const struct option_spec no_options[] = {{0}};
	struct cli_words words = {0};
	if (!cli_options(cli, no_options, argc, argv, &words))
		return cli->exit_code;
	return listing_print(cli,
		&(struct listing){
			.path = "/api/v1/webhooks", .member = "webhooks", .columns = columns, .empty = "no webhooks"});
}

static int add(struct cli *cli, const json_t *body)
{
	struct client client;
	struct fleet_error error;
	json_t *answer;
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	const struct client_request request = {.method = "POST", .path = "/api/v1/webhooks", .json = body};
	if (client_call(&client, &request, &answer, &error) < 0) {
		rc = cli_fail(&error);
	} else if (cli->json) {
		cli_print_json(answer, false);
		json_decref(answer);
	} else {
		char id[48], secret[80];
		cli_member_text(answer, "id", id, sizeof id);
		cli_member_text(answer, "secret", secret, sizeof secret);
		printf("webhook %s\nsecret  %s\n", id, secret);
		fprintf(stderr, "Keep the secret now: it is not shown again.\n");
		json_decref(answer);
	}
	client_close(&client);
	return rc;
}

static int run_add(struct cli *cli, int argc, char **argv)
{
	const char *kinds[KINDS_MAX];
	size_t count = 0;
	const struct option_spec specs[] = {
		{.name = "--kind",
			.value = "KIND",
			.list = kinds,
			.list_max = KINDS_MAX,
			.list_count = &count,
			.help = "only events of this kind (may be repeated); without it all"},
		{0},
	};
	struct cli_words words = {.min = 1, .max = 1};
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	json_t *body = json_pack("{s:s, s:[]}", "url", words.items[0], "kinds");
	for (size_t i = 0; body && i < count; i++)
		json_array_append_new(json_object_get(body, "kinds"), json_string(kinds[i]));
	if (!body)
		return cli_usage(cli, "the address is not UTF-8");
	int rc = add(cli, body);
	json_decref(body);
	return rc;
}

static int read_id(struct cli *cli, int argc, char **argv, const char *suffix, char path[160])
{
	static const struct option_spec no_options[] = {{0}};
	const char *id = cli_id(cli, no_options, argc, argv, "the id of a webhook");
	if (!id)
		return -1;
	snprintf(path, 160, "/api/v1/webhooks/%s%s", id, suffix);
	return 0;
}

static int run_remove(struct cli *cli, int argc, char **argv)
{
	char path[160];
	return read_id(cli, argc, argv, "", path) < 0 ? cli->exit_code : listing_show(cli, "DELETE", path);
}

/* ---- test ---- */

/* Until the delivery was tried: the webhook as it is then, NULL: time is up. 0, or a client's error. */
static int await(
	struct client *client, const char *path, const char *delivery, json_t **webhook, struct fleet_error *error)
{
	*webhook = NULL;
	for (int i = 0; i < TEST_SECONDS * POLLS_A_SECOND; i++) {
		json_t *now;
		int rc = client_get(client, path, &now, error);
		if (rc < 0)
			return rc;
		const char *last = json_string_value(json_object_get(now, "lastDelivery"));
		if (last && strcmp(last, delivery) == 0) {
			*webhook = now;
			return 0;
		}
		json_decref(now);
		usleep(1000000 / POLLS_A_SECOND);
	}
	return 0;
}

static int say_outcome(const struct cli *cli, const char *delivery, const json_t *webhook)
{
	struct fleet_error error;
	const char *fault = json_string_value(json_object_get(webhook, "lastError"));
	if (!webhook) {
		(void)!fleet_fail(&error, "see `skerry webhook list`",
			"delivery %s still waits behind others after %d s", delivery, TEST_SECONDS);
		return cli_fail(&error);
	}
	if (fault) {
		(void)!fleet_fail(&error, "it is tried again; see `skerry webhook list`", "delivery %s failed: %s",
			delivery, fault);
		return cli_fail(&error);
	}
	if (cli->json)
		cli_print_json(webhook, false);
	else
		printf("delivery %s was taken\n", delivery);
	return EXIT_OK;
}

static int test(struct cli *cli, struct client *client, const char *path)
{
	struct fleet_error error;
	json_t *answer, *webhook;
	char of_test[180];
	snprintf(of_test, sizeof of_test, "%s/test", path);
	if (client_call(client, &(struct client_request){.method = "POST", .path = of_test}, &answer, &error) < 0)
		return cli_fail(&error);
	const char *delivery = json_string_value(json_object_get(answer, "delivery"));
	int rc = await(client, path, delivery ? delivery : "", &webhook, &error);
	rc = rc < 0 ? cli_fail(&error) : say_outcome(cli, delivery ? delivery : "", webhook);
	json_decref(webhook);
	json_decref(answer);
	return rc;
}

static int run_test(struct cli *cli, int argc, char **argv)
{
	struct client client;
	char path[160];
	if (read_id(cli, argc, argv, "", path) < 0)
		return cli->exit_code;
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	rc = test(cli, &client, path);
	client_close(&client);
	return rc;
}

const struct command command_webhook_add = {.name = "webhook add",
	.arguments = "URL [--kind KIND]...",
	.summary = "tell an address what happens",
	.details = "Events are POSTed as JSON, signed with the secret that is printed once: see fleet/README.md, "
		   "Webhooks.",
	.run = run_add};
const struct command command_webhook_list = {.name = "webhook list",
	.arguments = "",
	.summary = "webhooks, and how the last delivery went",
	.run = run_list};
const struct command command_webhook_remove = {.name = "webhook remove",
	.arguments = "ID",
	.summary = "remove one, with what it was still to hear",
	.run = run_remove};
const struct command command_webhook_test = {.name = "webhook test",
	.arguments = "ID",
	.summary = "deliver something, and say how it went",
	.run = run_test};
