/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keysets: read, written again the same; whoever signed none is never the one who counts. First byte of the input: 0, an envelope follows; else a
 * body, which is put into an envelope with so many signatures that nobody made.
 */
#include "fake/fake_trust.h"
#include "fuzz.h"
#include "ota/err.h"
#include "signed_body.h"

/* The roots signed both; what is accepted is one of these. */
static struct fake_keyset held, next;

static void role_check(const struct ota_role *role, size_t most)
{
	FUZZ_MUST(role->key_count >= 1 && role->key_count <= most);
	FUZZ_MUST(role->threshold >= 1 && role->threshold <= role->key_count);
}

static bool is_key_of(const struct ota_role *role, size_t from, const uint8_t *key)
{
	for (size_t i = from; i < role->key_count; i++)
		if (memcmp(role->keys[i], key, OTA_KEY_BYTES) == 0)
			return true;
	return false;
}

/* No key twice, in one role or two: one thief must never count as two. */
static void keys_check(const struct ota_keyset *keyset)
{
	const struct ota_role *roles[] = {&keyset->root, &keyset->release, &keyset->fleet};

	for (size_t r = 0; r < 3; r++)
		for (size_t i = 0; i < roles[r]->key_count; i++)
			for (size_t other = r; other < 3; other++)
				FUZZ_MUST(!is_key_of(roles[other], other == r ? i + 1 : 0, roles[r]->keys[i]));
}

static void again_check(const struct ota_signed *parts, const struct ota_keyset *keyset)
{
	static uint8_t again[SIGNED_BODY_MAX];
	size_t len;

	FUZZ_MUST(ota_keyset_encode(keyset, again, sizeof(again), &len) == 0);
	FUZZ_MUST(len == parts->body_bstr_len && memcmp(again, parts->body_bstr, len) == 0);
}

static void accepted_check(const struct fake_keyset *known, const struct ota_signed *parts)
{
	struct ota_keyset keyset;
	struct ota_signed own;

	FUZZ_MUST(ota_keyset_open(known->envelope, known->len, &own, &keyset) == 0);
	FUZZ_MUST(own.body_len == parts->body_len && memcmp(own.body, parts->body, own.body_len) == 0);
}

static void envelope_check(const uint8_t *envelope, size_t len)
{
	struct ota_keyset keyset;
	struct ota_signed parts;
	int error = ota_keyset_open(envelope, len, &parts, &keyset);

	FUZZ_MUST(error == 0 || error == -OTA_E_FORMAT || error == -OTA_E_UNSUPPORTED || error == -OTA_E_TOO_LONG);
	if (error)
		return;
	FUZZ_MUST(len <= OTA_KEYSET_BYTES_MAX && keyset.version >= 1);
	role_check(&keyset.root, OTA_KEYSET_ROOTS_MAX);
	role_check(&keyset.release, OTA_KEYSET_RELEASES_MAX);
	role_check(&keyset.fleet, OTA_KEYSET_FLEETS_MAX);
	keys_check(&keyset);
	signed_body_check(&parts, envelope, len);
	again_check(&parts, &keyset);
	/* Its own roots may be anybody's; those of the one that is held are not. */
	if (ota_keyset_verify_next(&held.keyset, &parts, &keyset) == OTA_ACCEPTED)
		accepted_check(&next, &parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t built[SIGNED_BODY_MAX];
	struct fuzz_in in = {data, len};
	size_t signatures = fuzz_u8(&in) % 4;

	if (held.len == 0) {
		fake_keyset_make(&held, 1);
		fake_keyset_make(&next, 2);
	}
	if (in.left > OTA_KEYSET_BYTES_MAX)
		return 0;
	if (signatures == 0)
		envelope_check(in.at, in.left);
	else
		envelope_check(built, signed_body_wrap(OTA_SIGNED_KEYSET, &in, signatures, built));
	return 0;
}
