/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry audit`: what operators did, and whether the record of it is whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/chain.h"
#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"
#include "skerry/listing.h"

/* ---- printing ---- */

static void print_entry(const json_t *row)
{
	char time[32], details[200] = "";
	const json_t *object = json_object_get(row, "details");
	char *json = object ? json_dumps(object, JSON_COMPACT) : NULL;
	cli_time_text(json_integer_value(json_object_get(row, "time")), time, sizeof time);
	snprintf(details, sizeof details, "%s", json ? json : "");
	free(json);
	printf("%s  ", time);
	cli_print_clean(json_string_value(json_object_get(row, "actor")));
	printf("  ");
	cli_print_clean(json_string_value(json_object_get(row, "action")));
	printf("  ");
	cli_print_clean(json_string_value(json_object_get(row, "object")));
	printf("  ");
	cli_print_clean(details);
	putchar('\n');
}

/* ---- checking ---- */

struct check {
	uint8_t hash[CHAIN_HASH_BYTES];
	json_int_t number;
};

static const char *member(const json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

/* The entry follows on the one before, and is as it was written. */
static bool take_entry(struct check *check, const json_t *row)
{
	uint8_t kept[CHAIN_HASH_BYTES];
	json_t *object = json_object_get(row, "details");
	char *details = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	const struct chain_entry entry = {.number = json_integer_value(json_object_get(row, "n")),
		.time = json_integer_value(json_object_get(row, "time")),
		.tenant = member(row, "tenant"),
		.actor = member(row, "actor"),
		.action = member(row, "action"),
		.object = member(row, "object"),
		.details = details};
	const char *hex = member(row, "hash");
	chain_hash(check->hash, &entry, check->hash);
	free(details);
	check->number++;
	return entry.number == check->number && hex && text_unhex(hex, kept, sizeof kept) &&
	       memcmp(kept, check->hash, sizeof kept) == 0;
}

/* All that there are. 0, or -1 with *error. */
static int check_all(struct client *client, struct check *check, struct fleet_error *error)
{
	for (;;) {
		char path[80];
		json_t *answer;
		size_t index;
		const json_t *row;
		bool good = true;
		snprintf(path, sizeof path, "/api/v1/audit?since=%lld", (long long)check->number);
		if (client_get(client, path, &answer, error) < 0)
			return -1;
		const json_t *rows = json_object_get(answer, "audit");
		bool none = json_array_size(rows) == 0;
		json_array_foreach(rows, index, row)
		{
			good = good && take_entry(check, row);
		}
		json_decref(answer);
		if (!good)
			return fleet_fail(error, "compare it with a backup; the token must be one of all tenants",
				"the audit log was changed: entry %lld is not what was written, or one is missing",
				(long long)check->number);
		if (none)
			return 0;
	}
}

static int verify(struct cli *cli)
{
	struct client client;
	struct fleet_error error;
	struct check check = {0};
	char hex[2 * CHAIN_HASH_BYTES + 1];
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	rc = check_all(&client, &check, &error);
	client_close(&client);
	if (rc < 0)
		return cli_fail(&error);
	text_hex(check.hash, sizeof check.hash, hex);
	json_t *said = json_pack("{s:I, s:s}", "entries", check.number, "head", hex);
	if (cli->json)
		cli_print_json(said, false);
	else
		printf("the audit log is whole: %lld entries, head %s\n", (long long)check.number, hex);
	json_decref(said);
	return EXIT_OK;
}

static int run_audit(struct cli *cli, int argc, char **argv)
{
	static const struct listing_stream stream = {.path = "/api/v1/audit?", .member = "audit", .print = print_entry};
	bool check = false;
	const struct option_spec specs[] = {
		{.name = "--verify", .flag = &check, .help = "check that nothing was changed or taken out"},
		{0},
	};
	struct cli_words words = {0};
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	return check ? verify(cli) : listing_stream(cli, &stream);
}

const struct command command_audit = {.name = "audit",
	.arguments = "[--verify]",
	.summary = "what operators did",
	.details = "Each entry is bound to the one before by a hash. Note the head that --verify prints: a log that "
		   "was cut at its end\n"
		   "still is a chain, but with fewer entries and another head.",
	.run = run_audit};
