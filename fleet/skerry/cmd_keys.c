/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry keys init|show|push`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/file.h"
#include "skerry/client.h"
#include "skerry/cmd_keys.h"
#include "skerry/commands.h"
#include "skerry/keychain.h"

#define ROOTS_DEFAULT     3
#define THRESHOLD_DEFAULT 2

/* ---- init ---- */

static int run_init(struct cli *cli, int argc, char **argv)
{
	struct keychain_plan plan = {.roots = ROOTS_DEFAULT, .root_threshold = THRESHOLD_DEFAULT};
	const struct option_spec specs[] = {
		{.name = "--roots",
			.value = "N",
			.number = &plan.roots,
			.min = 1,
			.max = OTA_KEYSET_ROOTS_MAX,
			.help = "root keys (default 3)"},
		{.name = "--root-threshold",
			.value = "N",
			.number = &plan.root_threshold,
			.min = 1,
			.max = OTA_KEYSET_ROOTS_MAX,
			.help = "how many of them sign a keyset (default 2)"},
		{0},
	};
	struct cli_words words = {0};
	struct fleet_error error;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	if (plan.root_threshold > plan.roots)
		return cli_usage(cli, "--root-threshold %llu is more than the %llu root keys",
			(unsigned long long)plan.root_threshold, (unsigned long long)plan.roots);
	int rc = cli_home(cli);
	if (rc)
		return rc;
	if (keychain_exists(&cli->home)) {
		fleet_fail(&error, "change it with `skerry keys rotate`", "the home '%s' has keysets already",
			cli->home.dir);
		return cli_fail(&error);
	}
	if (keychain_init(&cli->home, &plan, &error) < 0)
		return cli_fail(&error);
	if (!cli->json)
		printf("made the first keyset: %s/" HOME_KEYSETS "/1.keyset\n"
		       "  take the root keys in " HOME_ROOTS "/ offline, each to another place\n",
			cli->home.dir);
	return EXIT_OK;
}

/* ---- show ---- */

static json_t *key_json(struct signers *signers, const uint8_t point[OTA_KEY_BYTES])
{
	char kid[KEYCHAIN_KID_TEXT];
	const struct signer *signer = signers_find(signers, point);
	keychain_kid_text(point, kid);
	return json_pack("{s:s, s:s*}", "id", kid, "file", signer ? signer->path : NULL);
}

static json_t *role_json(struct signers *signers, const struct ota_role *role)
{
	json_t *keys = json_array();
	for (size_t i = 0; i < role->key_count; i++)
		json_array_append_new(keys, key_json(signers, role->keys[i]));
	return json_pack("{s:i, s:o}", "threshold", (int)role->threshold, "keys", keys);
}

static json_t *keyset_json(struct signers *signers, struct ota_keyset *keyset)
{
	json_t *out = json_pack(
		"{s:I, s:I}", "version", (json_int_t)keyset->version, "issuedAt", (json_int_t)keyset->issued_s);
	for (int i = 0; i < KEYCHAIN_ROLES; i++)
		json_object_set_new(
			out, keychain_role_names[i], role_json(signers, keychain_role(keyset, (enum keychain_role)i)));
	return out;
}

static void print_keyset(const json_t *keyset)
{
	char text[64];
	const json_t *key;
	size_t index;
	cli_time_text(json_integer_value(json_object_get(keyset, "issuedAt")), text, sizeof text);
	printf("keyset %lld, issued %s\n", (long long)json_integer_value(json_object_get(keyset, "version")), text);
	for (int i = 0; i < KEYCHAIN_ROLES; i++) {
		const json_t *role = json_object_get(keyset, keychain_role_names[i]),
			     *keys = json_object_get(role, "keys");
		printf("%s: %lld of %zu sign\n", keychain_role_names[i],
			(long long)json_integer_value(json_object_get(role, "threshold")), json_array_size(keys));
		json_array_foreach(keys, index, key)
		{
			const char *file = json_string_value(json_object_get(key, "file"));
			printf("  %s  %s\n", json_string_value(json_object_get(key, "id")),
				file ? file : "not at hand");
		}
	}
}

static int show(const struct cli *cli, const char *file, const char *roots, struct fleet_error *error)
{
	struct keychain_link link;
	struct signers signers;
	int rc = file ? keychain_read(file, &link, error) : keychain_newest(&cli->home, &link, error);
	if (rc < 0 || signers_open(&signers, error) < 0)
		return -1;
	for (int i = 0; rc == 0 && i < KEYCHAIN_ROLES; i++)
		rc = signers_add_folder(&signers, keychain_folder(&cli->home, (enum keychain_role)i).text,
			keychain_role_names[i], error);
	if (rc == 0 && roots)
		rc = signers_add_folder(&signers, roots, "root", error);
	if (rc == 0) {
		json_t *out = keyset_json(&signers, &link.keyset);
		if (cli->json)
			cli_print_json(out, false);
		else
			print_keyset(out);
		json_decref(out);
	}
	signers_close(&signers);
	return rc;
}

static int run_show(struct cli *cli, int argc, char **argv)
{
	const char *roots = NULL;
	const struct option_spec specs[] = {
		{.name = "--roots", .value = "DIR", .text = &roots, .help = "where root keys are, too"},
		{0},
	};
	struct cli_words words = {.max = 1};
	struct fleet_error error;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	int rc = cli_home(cli);
	if (rc)
		return rc;
	return show(cli, words.items[0], roots, &error) < 0 ? cli_fail(&error) : EXIT_OK;
}

/* ---- push ---- */

/* The newest version that skerryd has; 0: none. */
static int server_version(struct client *client, json_int_t *version, struct fleet_error *error)
{
	json_t *answer, *row;
	size_t index;
	int rc = client_get(client, "/api/v1/keysets", &answer, error);
	if (rc < 0)
		return rc;
	*version = 0;
	json_array_foreach(json_object_get(answer, "keysets"), index, row)
	{
		json_int_t has = json_integer_value(json_object_get(row, "version"));
		*version = has > *version ? has : *version;
	}
	json_decref(answer);
	return 0;
}

static int send_one(struct client *client, const struct home *home, uint32_t version, struct fleet_error *error)
{
	struct file_bytes bytes;
	json_t *answer;
	if (file_read(home_path(home, HOME_KEYSETS "/%u.keyset", version).text, OTA_KEYSET_BYTES_MAX, &bytes, error) <
		0)
		return -1;
	const struct client_request request = {.method = "POST", .path = "/api/v1/keysets", .bytes = &bytes};
	int rc = client_call(client, &request, &answer, error);
	json_decref(answer);
	file_bytes_free(&bytes);
	return rc;
}

/* skerryd has no use for them any more, and who breaks in there would. */
static int remove_old_fleet_keys(const struct home *home, const struct ota_role *fleet, struct fleet_error *error)
{
	struct signers signers;
	if (signers_open(&signers, error) < 0)
		return -1;
	int rc = signers_add_folder(&signers, home_path(home, HOME_SERVER).text, "fleet", error);
	for (size_t i = 0; rc == 0 && i < signers.count; i++) {
		bool counts = false;
		for (size_t k = 0; k < fleet->key_count; k++)
			counts |= memcmp(fleet->keys[k], signers.items[i].point, OTA_KEY_BYTES) == 0;
		if (!counts)
			keychain_drop_key(&signers.items[i]);
	}
	signers_close(&signers);
	return rc;
}

int keys_push(const struct home *home, size_t *sent, struct fleet_error *error)
{
	struct keychain_link newest;
	struct client client;
	json_int_t has;
	*sent = 0;
	if (keychain_newest(home, &newest, error) < 0 || client_open(&client, home, error) < 0)
		return -1;
	int rc = server_version(&client, &has, error);
	/* The newest is sent also when it is there: is it the same? */
	json_int_t first = has < newest.keyset.version ? has + 1 : newest.keyset.version;
	for (json_int_t version = first; rc == 0 && version <= newest.keyset.version; version++) {
		rc = send_one(&client, home, (uint32_t)version, error);
		*sent += rc == 0 && version > has;
	}
	client_close(&client);
	if (rc == 0)
		rc = remove_old_fleet_keys(home, &newest.keyset.fleet, error);
	return rc;
}

static int run_push(struct cli *cli, int argc, char **argv)
{
	const struct option_spec specs[] = {{0}};
	struct cli_words words = {0};
	struct fleet_error error;
	size_t sent;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	int rc = cli_home(cli);
	if (rc)
		return rc;
	if (keys_push(&cli->home, &sent, &error) < 0)
		return cli_fail(&error);
	if (!cli->json)
		printf("skerryd took %zu keyset%s\n", sent, sent == 1 ? "" : "s");
	return EXIT_OK;
}

const struct command command_keys_init = {
	.name = "keys init",
	.arguments = "[--roots N] [--root-threshold N]",
	.summary = "make the first keyset of a home that has none",
	.details = "`skerry init` has done this for the homes that it makes. Devices learn the keyset when they are "
		   "provisioned.",
	.run = run_init,
};
const struct command command_keys_show = {
	.name = "keys show",
	.arguments = "[FILE.keyset]",
	.summary = "who may sign what, and which private keys are at hand",
	.run = run_show,
};
const struct command command_keys_push = {
	.name = "keys push",
	.arguments = "",
	.summary = "send skerryd the keysets that it has not",
	.run = run_push,
};
