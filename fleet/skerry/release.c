/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/err.h"
#include "ota/verify.h"
#include "shared/text.h"
#include "skerry/keychain.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* SHA-256 of each chunk, concatenated; a new array. */
static uint8_t *chunk_digests(const struct file_bytes *fit, struct ota_manifest *manifest)
{
	manifest->chunk_bytes = OTA_MANIFEST_CHUNK_MAX;
	manifest->chunk_count = (uint32_t)((fit->len + manifest->chunk_bytes - 1) / manifest->chunk_bytes);
	uint8_t *digests = malloc((size_t)manifest->chunk_count * OTA_SHA256_BYTES);
	for (uint32_t i = 0; digests && i < manifest->chunk_count; i++)
		ota_sha256(fit->data + (size_t)i * manifest->chunk_bytes, ota_manifest_chunk_len(manifest, i),
			digests + (size_t)i * OTA_SHA256_BYTES);
	manifest->chunk_digests = digests;
	return digests;
}

static int fill_manifest(const struct release_plan *plan, const struct file_bytes *fit, const struct fit_info *info,
	struct ota_manifest *manifest, struct fleet_error *error)
{
	*manifest = (struct ota_manifest){.counter = info->counter, .image_bytes = (uint32_t)fit->len};
	text_vendor_id(plan->vendor, manifest->vendor_id);
	text_class_id(manifest->vendor_id, info->board, manifest->class_id);
	memcpy(manifest->digest, info->digest, sizeof manifest->digest);
	memcpy(manifest->version, info->version, sizeof manifest->version);
	snprintf(manifest->name, sizeof manifest->name, "%s", info->app);
	snprintf(manifest->device_id, sizeof manifest->device_id, "%s", plan->device ? plan->device : "");
	const char *uri = base_name(plan->fit);
	if (strlen(uri) >= sizeof manifest->uri)
		return fleet_fail(
			error, "use a shorter file name", "the name of '%s' is too long for a manifest", plan->fit);
	strcpy(manifest->uri, uri);
	if (!chunk_digests(fit, manifest))
		return fleet_fail(error, NULL, "out of memory");
	return 0;
}

/* An encoded part of a manifest. */
struct encoded {
	uint8_t bytes[OTA_MANIFEST_BYTES_MAX];
	size_t len;
};

static int sign_by(
	struct signers *signers, struct signer *signer, struct ota_envelope *envelope, struct fleet_error *error)
{
	uint8_t to_sign[OTA_SIG_STRUCTURE_MAX], kid[OTA_KID_BYTES], hash[OTA_SHA256_BYTES];
	struct ota_signature *signature = &envelope->signatures[envelope->signature_count];
	size_t len = 0;
	ota_key_id(signer->point, kid);
	ota_envelope_to_sign(envelope->digest, kid, signature, to_sign, &len);
	ota_sha256(to_sign, len, hash);
	if (key_sign(&signers->random, &signer->key, hash, signature->rs, error) < 0)
		return -1;
	envelope->signature_count++;
	return 0;
}

static bool counts(const struct ota_role *role, const struct signer *signer)
{
	bool found = !role;
	for (size_t i = 0; role && i < role->key_count; i++)
		found |= memcmp(role->keys[i], signer->point, OTA_KEY_BYTES) == 0;
	return found;
}

/* Signs the wrapped manifest and encodes the whole envelope. */
static int seal(
	const struct release_plan *plan, const struct encoded *bstr, struct encoded *out, struct fleet_error *error)
{
	struct ota_envelope envelope = {.manifest_bstr = bstr->bytes, .manifest_bstr_len = bstr->len};
	ota_sha256(bstr->bytes, bstr->len, envelope.digest);
	for (size_t i = 0; i < plan->signers->count && envelope.signature_count < OTA_SIGNATURES_MAX; i++)
		if (counts(plan->role, &plan->signers->items[i]) &&
			sign_by(plan->signers, &plan->signers->items[i], &envelope, error) < 0)
			return -1;
	if (ota_envelope_encode(&envelope, out->bytes, sizeof out->bytes, &out->len) != 0)
		return fleet_fail(error, "make the image smaller", "the manifest of '%s' would be longer than %d bytes",
			plan->fit, OTA_MANIFEST_BYTES_MAX);
	return 0;
}

static int sign_fit(
	const struct release_plan *plan, const struct file_bytes *fit, struct fit_info *info, struct fleet_error *error)
{
	struct ota_manifest manifest;
	struct encoded bstr, envelope;
	if (fit_read(plan->fit, fit, info, error) < 0)
		return -1;
	if (!info->key[0])
		return fleet_fail(error, "make it with `skerry image build`", "'%s' is not signed for the boot loader",
			plan->fit);
	if (fill_manifest(plan, fit, info, &manifest, error) < 0)
		return -1;
	int code = ota_manifest_encode(&manifest, bstr.bytes, sizeof bstr.bytes, &bstr.len);
	uint8_t *digests;
	memcpy(&digests, &manifest.chunk_digests, sizeof digests); /* ours, from chunk_digests() */
	free(digests);
	if (code)
		return fleet_fail(error, "make the image smaller than 30 MiB", "no manifest for '%s': %s", plan->fit,
			ota_err_text(code));
	if (seal(plan, &bstr, &envelope, error) < 0)
		return -1;
	return file_write(plan->out, envelope.bytes, envelope.len, 0644, error);
}

int release_sign(const struct release_plan *plan, struct fit_info *info, struct fleet_error *error)
{
	struct file_bytes fit;
	if (file_read(plan->fit, FIT_BYTES_MAX, &fit, error) < 0)
		return -1;
	int rc = sign_fit(plan, &fit, info, error);
	file_bytes_free(&fit);
	return rc;
}

int release_load(const char *path, struct release *release, struct fleet_error *error)
{
	if (file_read(path, OTA_MANIFEST_BYTES_MAX, &release->bytes, error) < 0)
		return -1;
	int code = ota_envelope_open(release->bytes.data, release->bytes.len, &release->envelope);
	if (!code)
		code = ota_manifest_parse(
			release->envelope.manifest, release->envelope.manifest_len, &release->manifest);
	if (!code)
		return 0;
	file_bytes_free(&release->bytes);
	return fleet_fail(error, "make it with `skerry image sign`", "'%s' is not an update manifest: %s (%s)", path,
		ota_err_text(code), ota_err_name(code));
}

void release_free(struct release *release)
{
	file_bytes_free(&release->bytes);
}

enum release_trust release_verify(const struct release *release, const struct home *home)
{
	struct fleet_error ignored;
	struct keychain_link newest;
	if (keychain_newest(home, &newest, &ignored) < 0)
		return RELEASE_NO_KEY;
	return ota_envelope_verify(&release->envelope, &newest.keyset.release) == OTA_ACCEPTED ? RELEASE_TRUSTED
											       : RELEASE_NOT_OURS;
}

char *release_payload_path(const char *path, const struct release *release)
{
	char *out = NULL;
	/* Only its last part: the manifest may be anybody's, and must not lead anywhere else. */
	const char *name = base_name(release->manifest.uri);
	int folder = (int)(base_name(path) - path);
	return asprintf(&out, "%.*s%s", folder, path, name) < 0 ? NULL : out;
}
