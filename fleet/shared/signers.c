/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/signers.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/err.h"

int signers_open(struct signers *signers, struct fleet_error *error)
{
	signers->count = 0;
	signers->sign = key_sign;
	return key_random_open(&signers->random, error);
}

void signers_close(struct signers *signers)
{
	for (size_t i = 0; i < signers->count; i++)
		mbedtls_pk_free(&signers->items[i].key);
	signers->count = 0;
	key_random_close(&signers->random);
}

struct signer *signers_find(struct signers *signers, const uint8_t point[OTA_KEY_BYTES])
{
	for (size_t i = 0; i < signers->count; i++)
		if (memcmp(signers->items[i].point, point, OTA_KEY_BYTES) == 0)
			return &signers->items[i];
	return NULL;
}

size_t signers_count(struct signers *signers, const struct ota_role *role)
{
	size_t count = 0;
	for (size_t i = 0; i < role->key_count; i++)
		count += signers_find(signers, role->keys[i]) != NULL;
	return count;
}

/* A place for one more. */
static struct signer *room(struct signers *signers, struct fleet_error *error)
{
	if (signers->count < SIGNERS_MAX)
		return &signers->items[signers->count];
	fleet_fail(error, "move those that are in no keyset any more (`skerry keys show`) to another place",
		"there are more than %d private keys", SIGNERS_MAX);
	return NULL;
}

int signers_add(struct signers *signers, const char *path, struct fleet_error *error)
{
	struct signer *signer = room(signers, error);
	if (!signer || key_load(&signers->random, path, &signer->key, error) < 0)
		return -1;
	if (key_point(&signer->key, signer->point, error) < 0) {
		mbedtls_pk_free(&signer->key);
		return fleet_fail(error, "use a P-256 key", "'%s' is no P-256 key", path);
	}
	if (signers_find(signers, signer->point)) {
		mbedtls_pk_free(&signer->key);
		return 0;
	}
	snprintf(signer->path, sizeof signer->path, "%s", path);
	signers->count++;
	return 0;
}

/* "PREFIX-….key" */
static bool is_key_file(const char *name, const char *prefix)
{
	size_t len = strlen(name), prefix_len = strlen(prefix);
	return len > prefix_len + 5 && strncmp(name, prefix, prefix_len) == 0 && name[prefix_len] == '-' &&
	       strcmp(name + len - 4, ".key") == 0;
}

int signers_add_folder(struct signers *signers, const char *dir, const char *prefix, struct fleet_error *error)
{
	struct dirent **entries;
	char path[HOME_PATH_MAX + 256];
	int rc = 0, count = scandir(dir, &entries, NULL, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0 : fleet_fail_errno(error, NULL, "cannot read '%s'", dir);
	for (int i = 0; i < count; i++) {
		if (rc == 0 && is_key_file(entries[i]->d_name, prefix)) {
			int len = snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
			rc = len < (int)sizeof path
				     ? signers_add(signers, path, error)
				     : fleet_fail(error, "use a shorter path", "the path '%s' is too long", dir);
		}
		free(entries[i]);
	}
	free(entries);
	return rc;
}

int signers_make(struct signers *signers, struct signer **made, struct fleet_error *error)
{
	struct signer *signer = room(signers, error);
	if (!signer)
		return -1;
	*signer->path = 0;
	if (key_make(&signers->random, &signer->key, error) < 0 || key_point(&signer->key, signer->point, error) < 0) {
		mbedtls_pk_free(&signer->key);
		return -1;
	}
	signers->count++;
	*made = signer;
	return 0;
}

static bool has_signed(const struct ota_signed *parts, const uint8_t kid[OTA_KID_BYTES])
{
	for (size_t i = 0; i < parts->signature_count; i++)
		if (memcmp(parts->signatures[i].kid, kid, OTA_KID_BYTES) == 0)
			return true;
	return false;
}

/* A key that is in both roles, as most roots are, signs once and counts for both. */
static int sign(struct signers *signers, struct signer *signer, struct ota_signed *parts, struct fleet_error *error)
{
	struct ota_signature *signature = &parts->signatures[parts->signature_count];
	uint8_t to_sign[OTA_SIG_STRUCTURE_MAX], kid[OTA_KID_BYTES], hash[OTA_SHA256_BYTES];
	size_t len;
	ota_key_id(signer->point, kid);
	if (has_signed(parts, kid))
		return 0;
	len = ota_signed_to_sign(parts->kind, parts->digest, kid, signature, to_sign);
	ota_sha256(to_sign, len, hash);
	parts->signature_count++;
	return signers->sign(&signers->random, &signer->key, hash, signature->rs, error);
}

static int sign_as(
	struct signers *signers, const struct ota_role *role, struct ota_signed *parts, struct fleet_error *error)
{
	uint32_t signed_by = 0;
	for (size_t i = 0; role && i < role->key_count && signed_by < role->threshold; i++) {
		struct signer *signer = signers_find(signers, role->keys[i]);
		if (!signer)
			continue;
		if (sign(signers, signer, parts, error) < 0)
			return -1;
		signed_by++;
	}
	return 0;
}

int signers_seal(struct signers *signers, const struct seal *seal, struct sealed *out, struct fleet_error *error)
{
	struct ota_signed parts = {.kind = seal->kind, .body_bstr = seal->body, .body_bstr_len = seal->body_len};
	ota_sha256(seal->body, seal->body_len, parts.digest);
	if (sign_as(signers, seal->roles[0], &parts, error) < 0 || sign_as(signers, seal->roles[1], &parts, error) < 0)
		return -1;
	int code = ota_signed_encode(&parts, out->bytes, sizeof out->bytes, &out->len);
	return code ? fleet_fail(error, NULL, "cannot encode what was signed: %s", ota_err_text(code)) : 0;
}
