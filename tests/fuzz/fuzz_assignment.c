/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assignments: read, written again the same; without a fleet key nobody assigns anything, and a keyset's signature is none here. First byte of the
 * input: 0, an envelope follows; else a body, which is put into an envelope with so many signatures that nobody made.
 */
#include "fake/fake_image.h"
#include "fake/fake_trust.h"
#include "fuzz.h"
#include "ota/err.h"
#include "signed_body.h"

static const uint8_t digest[32] = {1}; /* as in make_seeds.c */
static struct fake_keyset keyset;
static struct fake_assignment known; /* the only one that the fleet key signed */

static void members_check(const struct ota_assignment *says)
{
	FUZZ_MUST(says->keyset_version >= 1 && says->sequence >= 1 && says->issued_s < says->expires_s);
	FUZZ_MUST(says->scope == OTA_SCOPE_DEVICE || says->scope == OTA_SCOPE_CLASS);
	FUZZ_MUST(memchr(says->device_id, '\0', sizeof(says->device_id)));
	FUZZ_MUST((says->scope == OTA_SCOPE_DEVICE) == (says->device_id[0] != '\0'));
	FUZZ_MUST(says->nonce_len <= OTA_ASSIGNMENT_NONCE_MAX);
	for (size_t i = 0; i < sizeof(says->digest); i++)
		FUZZ_MUST(says->has_digest || says->digest[i] == 0);
}

static void again_check(const struct ota_signed *parts, const struct ota_assignment *says)
{
	static uint8_t again[SIGNED_BODY_MAX];
	size_t len;

	FUZZ_MUST(ota_assignment_encode(says, again, sizeof(again), &len) == 0);
	FUZZ_MUST(len == parts->body_bstr_len && memcmp(again, parts->body_bstr, len) == 0);
}

static void envelope_check(const uint8_t *envelope, size_t len)
{
	struct ota_assignment says;
	struct ota_signed parts;
	int error = ota_assignment_open(envelope, len, &parts, &says);

	FUZZ_MUST(error == 0 || error == -OTA_E_FORMAT || error == -OTA_E_UNSUPPORTED || error == -OTA_E_TOO_LONG);
	if (error)
		return;
	FUZZ_MUST(len <= OTA_ASSIGNMENT_BYTES_MAX && parts.signature_count <= OTA_ASSIGNMENT_SIGNATURES);
	members_check(&says);
	signed_body_check(&parts, envelope, len);
	again_check(&parts, &says);
	if (ota_signed_verify(&parts, &keyset.keyset.fleet) == OTA_ACCEPTED)
		FUZZ_MUST(says.sequence == known.says.sequence && memcmp(says.digest, digest, sizeof(digest)) == 0);
	FUZZ_MUST(ota_signed_verify(&parts, &keyset.keyset.root) != OTA_ACCEPTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t built[SIGNED_BODY_MAX];
	struct fuzz_in in = {data, len};
	size_t signatures = fuzz_u8(&in) % 4;

	if (keyset.len == 0) {
		fake_keyset_make(&keyset, 1);
		fake_assignment_make(&known, digest, 7);
	}
	if (in.left > OTA_ASSIGNMENT_BYTES_MAX)
		return 0;
	if (signatures == 0)
		envelope_check(in.at, in.left);
	else
		envelope_check(built, signed_body_wrap(OTA_SIGNED_ASSIGNMENT, &in, signatures, built));
	return 0;
}
