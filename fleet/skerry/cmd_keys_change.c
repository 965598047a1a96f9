/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `skerry keys rotate|revoke|add`: the keyset after the newest. It is made, signed and checked in memory; then new private keys are written, which
 * mean nothing yet; then the keyset, which makes them count; then it goes to skerryd. What is interrupted before the keyset stands changes nothing,
 * what is interrupted after it is completed by `skerry keys push`.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "shared/file.h"
#include "skerry/client.h"
#include "skerry/cmd_keys.h"
#include "skerry/commands.h"
#include "skerry/keychain.h"

#define ROOT_FILES_MAX 10
#define KID_PREFIX_MIN 4

struct change {
	struct keychain_link held, next;
	struct signers signers;
	struct signer *made[OTA_KEYSET_ROLE_MAX]; /* new keys, to be saved */
	size_t made_count;
	enum keychain_role role;
	/* as ordered */
	const char *roots, *root_files[ROOT_FILES_MAX];
	size_t root_file_count;
	uint64_t threshold; /* 0: as before */
	bool keep_old, no_upload;
};

static int load(const struct home *home, struct change *change, struct fleet_error *error)
{
	const char *roots = change->roots;
	struct home_path own = keychain_folder(home, KEYCHAIN_ROOT);
	if (keychain_newest(home, &change->held, error) < 0)
		return -1;
	if (roots && !file_exists(roots))
		return fleet_fail(error, "is the medium with the root keys mounted?", "there is no folder '%s'", roots);
	if (signers_add_folder(&change->signers, roots ? roots : own.text, "root", error) < 0)
		return -1;
	for (size_t i = 0; i < change->root_file_count; i++)
		if (signers_add(&change->signers, change->root_files[i], error) < 0)
			return -1;
	uint64_t now = (uint64_t)time(NULL);
	change->next.keyset = change->held.keyset;
	change->next.keyset.version++;
	if (now > change->held.keyset.issued_s)
		change->next.keyset.issued_s = now;
	return 0;
}

static int save_made(const struct home *home, struct change *change, struct fleet_error *error)
{
	struct home_path own = keychain_folder(home, change->role);
	const char *dir = change->role == KEYCHAIN_ROOT && change->roots ? change->roots : own.text;
	for (size_t i = 0; i < change->made_count; i++)
		if (keychain_save_key(change->made[i], dir, change->role, error) < 0)
			return -1;
	return 0;
}

/* Sign, check, write. */
static int finish(const struct home *home, struct change *change, struct fleet_error *error)
{
	struct ota_role *role = keychain_role(&change->next.keyset, change->role);
	const char *name = keychain_role_names[change->role];
	if (change->threshold)
		role->threshold = (uint32_t)change->threshold;
	if (role->key_count < role->threshold)
		return fleet_fail(error,
			role->key_count
				? "add a key first (`skerry keys rotate --keep-old` makes one), or lower --threshold"
				: "replace it instead: `skerry keys rotate` makes a new key and revokes the old one",
			"%zu %s key%s would be left, and %u have to sign", role->key_count, name,
			role->key_count == 1 ? "" : "s", role->threshold);
	if (keychain_seal(&change->signers, &change->held.keyset, &change->next, error) < 0)
		return -1;
	int rc = save_made(home, change, error);
	if (rc == 0)
		rc = keychain_save(home, &change->next, error);
	for (size_t i = 0; rc < 0 && i < change->made_count; i++)
		keychain_drop_key(change->made[i]);
	return rc;
}

static int full(const struct ota_role *role, enum keychain_role which, struct fleet_error *error)
{
	if (role->key_count < keychain_role_max(which))
		return 0;
	return fleet_fail(error, "revoke one first: `skerry keys revoke KEYID`", "there are %zu %s keys already",
		role->key_count, keychain_role_names[which]);
}

/* ---- rotate ---- */

static int rotate(struct change *change, const char *role_name, struct fleet_error *error)
{
	(void)role_name; /* change->role */
	struct ota_role *role = keychain_role(&change->next.keyset, change->role);
	size_t fresh = change->keep_old ? 1 : role->key_count;
	if (change->keep_old && full(role, change->role, error) < 0)
		return -1;
	if (!change->keep_old)
		role->key_count = 0;
	for (size_t i = 0; i < fresh; i++) {
		struct signer **made = &change->made[change->made_count++];
		if (signers_make(&change->signers, made, error) < 0)
			return -1;
		memcpy(role->keys[role->key_count++], (*made)->point, OTA_KEY_BYTES);
	}
	return 0;
}

/* ---- revoke ---- */

static int no_such_key(const char *kid, const char *cause, struct fleet_error *error)
{
	return fleet_fail(error, "`skerry keys show` lists them", "%s '%s'", cause, kid);
}

/* The role and place of the key whose id begins with `kid`. */
static int find_key(struct change *change, const char *kid, size_t *at, struct fleet_error *error)
{
	char text[KEYCHAIN_KID_TEXT];
	size_t found = 0, len = strlen(kid);
	if (len < KID_PREFIX_MIN)
		return no_such_key(kid, "at least 4 digits of the key's id are needed, not", error);
	for (int i = 0; i < KEYCHAIN_ROLES; i++) {
		const struct ota_role *role = keychain_role(&change->next.keyset, (enum keychain_role)i);
		for (size_t k = 0; k < role->key_count; k++) {
			keychain_kid_text(role->keys[k], text);
			if (strncasecmp(text, kid, len) != 0)
				continue;
			found++;
			change->role = (enum keychain_role)i;
			*at = k;
		}
	}
	if (found == 1)
		return 0;
	return no_such_key(
		kid, found ? "more than one key has an id that begins with" : "the newest keyset has no key", error);
}

static int revoke(struct change *change, const char *kid, struct fleet_error *error)
{
	size_t at = 0;
	if (find_key(change, kid, &at, error) < 0)
		return -1;
	struct ota_role *role = keychain_role(&change->next.keyset, change->role);
	role->key_count--;
	memmove(role->keys[at], role->keys[at + 1], (role->key_count - at) * sizeof role->keys[0]);
	memset(role->keys[role->key_count], 0, sizeof role->keys[0]);
	return 0;
}

/* ---- add ---- */

static int add(struct change *change, const char *path, struct fleet_error *error)
{
	struct ota_role *role = keychain_role(&change->next.keyset, change->role);
	uint8_t point[OTA_KEY_BYTES];
	if (full(role, change->role, error) < 0 || key_public_load(path, point, error) < 0)
		return -1;
	for (int i = 0; i < KEYCHAIN_ROLES; i++) {
		const struct ota_role *other = keychain_role(&change->next.keyset, (enum keychain_role)i);
		for (size_t k = 0; k < other->key_count; k++)
			if (memcmp(other->keys[k], point, OTA_KEY_BYTES) == 0)
				return fleet_fail(error, "use another key", "'%s' is a %s key already", path,
					keychain_role_names[i]);
	}
	memcpy(role->keys[role->key_count++], point, OTA_KEY_BYTES);
	return 0;
}

/* ---- what they share ---- */

/* Exit code. */
static int upload(const struct cli *cli, const struct change *change)
{
	struct fleet_error error;
	size_t sent;
	if (change->no_upload || keys_push(&cli->home, &sent, &error) == 0)
		return EXIT_OK;
	cli_fail(&error);
	fprintf(stderr, "  keyset %u is made, but not on the server yet: send it with `skerry keys push`\n",
		change->next.keyset.version);
	return EXIT_ERROR;
}

static void tell(const struct cli *cli, const struct change *change)
{
	struct home_path file = home_path(&cli->home, HOME_KEYSETS "/%u.keyset", change->next.keyset.version);
	if (cli->json) {
		json_t *keys = json_array();
		for (size_t i = 0; i < change->made_count; i++)
			json_array_append_new(keys, json_string(change->made[i]->path));
		json_t *said = json_pack("{s:I, s:s, s:o}", "version", (json_int_t)change->next.keyset.version, "file",
			file.text, "made", keys);
		cli_print_json(said, false);
		json_decref(said);
		return;
	}
	printf("made keyset %u: %s\n", change->next.keyset.version, file.text);
	for (size_t i = 0; i < change->made_count; i++)
		printf("  new %s key: %s\n", keychain_role_names[change->role], change->made[i]->path);
	if (change->role == KEYCHAIN_ROOT && change->made_count)
		printf("  take the new root keys offline, each to another place\n");
	fflush(stdout);
}

/* `alter` changes the next keyset as `word` says: one of rotate, revoke, add. */
static int apply(struct cli *cli, struct change *change,
	int (*alter)(struct change *, const char *, struct fleet_error *), const char *word)
{
	struct fleet_error error;
	int rc = cli_home(cli);
	if (rc)
		return rc;
	if (signers_open(&change->signers, &error) < 0)
		return cli_fail(&error);
	rc = load(&cli->home, change, &error);
	if (rc == 0)
		rc = alter(change, word, &error);
	if (rc == 0)
		rc = finish(&cli->home, change, &error);
	if (rc == 0)
		tell(cli, change);
	int code = rc < 0 ? cli_fail(&error) : upload(cli, change);
	signers_close(&change->signers);
	return code;
}

#define OPTIONS 6

static void fill_options(struct option_spec specs[OPTIONS], struct change *change, bool rotates)
{
	size_t count = 0;
	memset(specs, 0, OPTIONS * sizeof *specs);
	specs[count++] = (struct option_spec){.name = "--roots",
		.value = "DIR",
		.text = &change->roots,
		.help = "folder of the root keys, root-N.key (default: the home's " HOME_ROOTS "/)"};
	specs[count++] = (struct option_spec){.name = "--root",
		.value = "FILE",
		.list = change->root_files,
		.list_max = ROOT_FILES_MAX,
		.list_count = &change->root_file_count,
		.help = "one more root key, PEM; may be given again"};
	specs[count++] = (struct option_spec){.name = "--threshold",
		.value = "N",
		.number = &change->threshold,
		.min = 1,
		.max = OTA_KEYSET_ROLE_MAX,
		.help = "how many of the role's keys have to sign from now on (default: as before)"};
	specs[count++] = (struct option_spec){.name = "--no-upload",
		.flag = &change->no_upload,
		.help = "make the keyset only; `skerry keys push` sends it"};
	if (rotates)
		specs[count++] = (struct option_spec){.name = "--keep-old",
			.flag = &change->keep_old,
			.help = "add a key, and let the old ones count, too"};
}

/* False: leave with cli->exit_code. */
static bool parse_role(struct cli *cli, struct change *change, const char *word)
{
	if (keychain_role_parse(word, &change->role))
		return true;
	cli->exit_code = cli_usage(cli, "'%s' is none of release, fleet, root", word);
	return false;
}

static int run_rotate(struct cli *cli, int argc, char **argv)
{
	struct change change = {0};
	struct option_spec specs[OPTIONS];
	struct cli_words words = {.min = 1, .max = 1};
	fill_options(specs, &change, true);
	if (!cli_options(cli, specs, argc, argv, &words) || !parse_role(cli, &change, words.items[0]))
		return cli->exit_code;
	return apply(cli, &change, rotate, words.items[0]);
}

static int run_add(struct cli *cli, int argc, char **argv)
{
	struct change change = {0};
	struct option_spec specs[OPTIONS];
	struct cli_words words = {.min = 2, .max = 2};
	fill_options(specs, &change, false);
	if (!cli_options(cli, specs, argc, argv, &words) || !parse_role(cli, &change, words.items[0]))
		return cli->exit_code;
	return apply(cli, &change, add, words.items[1]);
}

static int run_revoke(struct cli *cli, int argc, char **argv)
{
	struct change change = {0};
	struct option_spec specs[OPTIONS];
	struct cli_words words = {.min = 1, .max = 1};
	fill_options(specs, &change, false);
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	return apply(cli, &change, revoke, words.items[0]);
}

const struct command command_keys_rotate = {
	.name = "keys rotate",
	.arguments = "release|fleet|root [--keep-old] [--roots DIR] [--root FILE]...",
	.summary = "replace the keys of a role by new ones, for the whole fleet",
	.details = "Makes the next keyset, signed by the root keys, and sends it to skerryd, which brings it to the "
		   "devices.\n"
		   "From then on devices refuse what the old keys sign.",
	.run = run_rotate,
};
const struct command command_keys_revoke = {
	.name = "keys revoke",
	.arguments = "KEYID [--roots DIR] [--root FILE]...",
	.summary = "let a key count no more, for the whole fleet",
	.details = "KEYID, or how it begins, as `skerry keys show` prints it.",
	.run = run_revoke,
};
const struct command command_keys_add = {
	.name = "keys add",
	.arguments = "release|fleet|root FILE.pub [--threshold N] [--roots DIR] [--root FILE]...",
	.summary = "let a further key count, whose private half is elsewhere",
	.run = run_add,
};
