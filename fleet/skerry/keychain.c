/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/keychain.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ota/err.h"
#include "ota/verify.h"
#include "shared/file.h"
#include "shared/text.h"

const char *const keychain_role_names[KEYCHAIN_ROLES] = {"root", "release", "fleet"};

bool keychain_role_parse(const char *name, enum keychain_role *role)
{
	for (int i = 0; i < KEYCHAIN_ROLES; i++) {
		if (strcmp(name, keychain_role_names[i]) == 0) {
			*role = (enum keychain_role)i;
			return true;
		}
	}
	return false;
}

size_t keychain_role_max(enum keychain_role role)
{
	static const size_t most[KEYCHAIN_ROLES] = {
		OTA_KEYSET_ROOTS_MAX, OTA_KEYSET_RELEASES_MAX, OTA_KEYSET_FLEETS_MAX};
	return most[role];
}

struct ota_role *keychain_role(struct ota_keyset *keyset, enum keychain_role role)
{
	if (role == KEYCHAIN_ROOT)
		return &keyset->root;
	return role == KEYCHAIN_RELEASE ? &keyset->release : &keyset->fleet;
}

struct home_path keychain_folder(const struct home *home, enum keychain_role role)
{
	static const char *const folders[KEYCHAIN_ROLES] = {HOME_ROOTS, HOME_KEYS, HOME_SERVER};
	return home_path(home, "%s", folders[role]);
}

void keychain_kid_text(const uint8_t point[OTA_KEY_BYTES], char text[KEYCHAIN_KID_TEXT])
{
	uint8_t kid[OTA_KID_BYTES];
	ota_key_id(point, kid);
	text_hex(kid, sizeof kid, text);
}

/* ---- reading ---- */

static int read_link(const char *path, struct keychain_link *link, struct ota_signed *parts, struct fleet_error *error)
{
	struct file_bytes bytes;
	if (file_read(path, OTA_KEYSET_BYTES_MAX, &bytes, error) < 0)
		return -1;
	memcpy(link->bytes.bytes, bytes.data, bytes.len);
	link->bytes.len = bytes.len;
	file_bytes_free(&bytes);
	int code = ota_keyset_open(link->bytes.bytes, link->bytes.len, parts, &link->keyset);
	return code ? fleet_fail(error, "restore the file from a backup", "'%s' is no keyset: %s (%s)", path,
			      ota_err_text(code), ota_err_name(code))
		    : 0;
}

int keychain_read(const char *path, struct keychain_link *link, struct fleet_error *error)
{
	struct ota_signed parts;
	if (read_link(path, link, &parts, error) < 0)
		return -1;
	if (ota_keyset_verify(&parts, &link->keyset) != OTA_ACCEPTED)
		return fleet_fail(error, "do not use it; restore the file from a backup",
			"'%s' is not signed by a threshold of its own root keys", path);
	return 0;
}

static struct home_path link_path(const struct home *home, uint32_t version)
{
	return home_path(home, HOME_KEYSETS "/%u.keyset", version);
}

bool keychain_exists(const struct home *home)
{
	return file_exists(link_path(home, 1).text);
}

/* The link after `held`, into `next`. */
static int read_next(
	const char *path, const struct ota_keyset *held, struct keychain_link *next, struct fleet_error *error)
{
	struct ota_signed parts;
	if (read_link(path, next, &parts, error) < 0)
		return -1;
	if (ota_keyset_verify_next(held, &parts, &next->keyset) != OTA_ACCEPTED)
		return fleet_fail(error, "do not use it; restore the file from a backup",
			"'%s' is not the version after %u, signed by a threshold of its roots and of the new ones",
			path, held->version);
	return 0;
}

int keychain_newest(const struct home *home, struct keychain_link *newest, struct fleet_error *error)
{
	struct keychain_link next;
	struct home_path path = link_path(home, 1);
	if (!file_exists(path.text))
		return fleet_fail(error, "make it with `skerry keys init`, or restore " HOME_KEYSETS "/ from a backup",
			"the home '%s' has no keyset", home->dir);
	if (keychain_read(path.text, newest, error) < 0)
		return -1;
	if (newest->keyset.version != 1)
		return fleet_fail(error, "restore the file from a backup", "'%s' holds a keyset of version %u",
			path.text, newest->keyset.version);
	for (uint32_t version = 2; file_exists((path = link_path(home, version)).text); version++) {
		if (read_next(path.text, &newest->keyset, &next, error) < 0)
			return -1;
		*newest = next;
	}
	return 0;
}

/* ---- making ---- */

static int check_signatures(const struct ota_keyset *held, const struct keychain_link *next, struct fleet_error *error)
{
	struct ota_signed parts;
	struct ota_keyset again;
	int code = ota_keyset_open(next->bytes.bytes, next->bytes.len, &parts, &again);
	enum ota_verdict verdict = OTA_REFUSED;
	if (code == 0)
		verdict = held ? ota_keyset_verify_next(held, &parts, &again) : ota_keyset_verify(&parts, &again);
	if (verdict == OTA_ACCEPTED)
		return 0;
	return fleet_fail(error, "report this: it is a fault of skerry", "devices would refuse the new keyset: %s",
		code ? ota_err_text(code) : "its signatures do not hold");
}

static int check_roots(struct signers *signers, const struct ota_keyset *keyset, struct fleet_error *error)
{
	size_t at_hand = signers_count(signers, &keyset->root);
	if (at_hand >= keyset->root.threshold)
		return 0;
	return fleet_fail(error,
		"bring them: --roots DIR names the folder of the root keys, --root FILE one more; `skerry keys show` "
		"lists "
		"their ids",
		"a keyset needs the signatures of %u root keys of version %u; %zu are at hand", keyset->root.threshold,
		keyset->version, at_hand);
}

int keychain_seal(
	struct signers *signers, const struct ota_keyset *held, struct keychain_link *next, struct fleet_error *error)
{
	uint8_t body[OTA_KEYSET_BYTES_MAX];
	struct seal seal = {.kind = OTA_SIGNED_KEYSET, .body = body};
	if ((held && check_roots(signers, held, error) < 0) || check_roots(signers, &next->keyset, error) < 0)
		return -1;
	int code = ota_keyset_encode(&next->keyset, body, sizeof body, &seal.body_len);
	if (code)
		return fleet_fail(error, NULL, "cannot encode the keyset: %s", ota_err_text(code));
	seal.roles[0] = &next->keyset.root;
	seal.roles[1] = held ? &held->root : NULL;
	if (signers_seal(signers, &seal, &next->bytes, error) < 0)
		return -1;
	return check_signatures(held, next, error);
}

int keychain_save(const struct home *home, const struct keychain_link *link, struct fleet_error *error)
{
	struct home_path path = link_path(home, link->keyset.version);
	return file_write(path.text, link->bytes.bytes, link->bytes.len, 0644, error);
}

/* ---- key files ---- */

/* "….key" → "….pub" */
static void pub_path(const char *key, char pub[HOME_PATH_MAX + 256])
{
	snprintf(pub, HOME_PATH_MAX + 256, "%.*s.pub", (int)strlen(key) - 4, key);
}

int keychain_save_key(struct signer *signer, const char *dir, enum keychain_role role, struct fleet_error *error)
{
	char pub[HOME_PATH_MAX + 256];
	unsigned number = 0;
	do {
		int len = snprintf(
			signer->path, sizeof signer->path, "%s/%s-%u.key", dir, keychain_role_names[role], ++number);
		if (len >= (int)sizeof signer->path) {
			*signer->path = 0;
			return fleet_fail(error, "use a shorter path", "the path '%s' is too long", dir);
		}
		pub_path(signer->path, pub);
	} while (file_exists(signer->path) || file_exists(pub));
	if (file_make_dirs(dir, 0700, error) == 0 && key_save(&signer->key, signer->path, error) == 0 &&
		key_public_save(&signer->key, pub, error) == 0)
		return 0;
	keychain_drop_key(signer);
	return -1;
}

void keychain_drop_key(struct signer *signer)
{
	char pub[HOME_PATH_MAX + 256];
	if (!*signer->path)
		return;
	pub_path(signer->path, pub);
	unlink(pub);
	unlink(signer->path);
	*signer->path = 0;
}

/* ---- the first one ---- */

static int make_role(struct signers *signers, const struct home *dir, struct ota_role *role, enum keychain_role which,
	struct fleet_error *error)
{
	struct signer *signer;
	for (size_t i = 0; i < role->key_count; i++) {
		if (signers_make(signers, &signer, error) < 0 ||
			keychain_save_key(signer, keychain_folder(dir, which).text, which, error) < 0)
			return -1;
		memcpy(role->keys[i], signer->point, OTA_KEY_BYTES);
	}
	return 0;
}

static int make_first(
	struct signers *signers, const struct home *dir, const struct keychain_plan *plan, struct fleet_error *error)
{
	struct keychain_link first = {.keyset = {.version = 1,
					      .issued_s = (uint64_t)time(NULL),
					      .root = {(uint32_t)plan->root_threshold, (size_t)plan->roots, {{0}}},
					      .release = {1, 1, {{0}}},
					      .fleet = {1, 1, {{0}}}}};
	if (make_role(signers, dir, &first.keyset.root, KEYCHAIN_ROOT, error) < 0 ||
		make_role(signers, dir, &first.keyset.release, KEYCHAIN_RELEASE, error) < 0 ||
		make_role(signers, dir, &first.keyset.fleet, KEYCHAIN_FLEET, error) < 0 ||
		keychain_seal(signers, NULL, &first, error) < 0 ||
		file_make_dirs(home_path(dir, HOME_KEYSETS).text, 0755, error) < 0 ||
		file_write(home_path(dir, HOME_FIRST_KEYSET).text, first.bytes.bytes, first.bytes.len, 0644, error) < 0)
		return -1;
	return keychain_save(dir, &first, error);
}

int keychain_init(const struct home *dir, const struct keychain_plan *plan, struct fleet_error *error)
{
	struct signers signers;
	if (signers_open(&signers, error) < 0)
		return -1;
	int rc = make_first(&signers, dir, plan, error);
	for (size_t i = 0; rc < 0 && i < signers.count; i++)
		keychain_drop_key(&signers.items[i]);
	signers_close(&signers);
	return rc;
}
