/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_trust.h"

#include <stdlib.h>
#include <string.h>

#include "fake_image.h"

static void must(int error)
{
	if (error)
		abort();
}

void fake_role_make(struct ota_role *role, uint32_t threshold, const unsigned *which, size_t count)
{
	memset(role, 0, sizeof(*role));
	role->threshold = threshold;
	role->key_count = count;
	for (size_t i = 0; i < count; i++)
		fake_key_public(which[i], role->keys[i]);
}

void fake_body_sign(struct ota_signed *parts, const unsigned *which, size_t count)
{
	uint8_t to_sign[OTA_SIG_STRUCTURE_MAX], key[OTA_KEY_BYTES], kid[OTA_KID_BYTES];
	size_t len;

	ota_sha256(parts->body_bstr, parts->body_bstr_len, parts->digest);
	parts->signature_count = count;
	for (size_t i = 0; i < count; i++) {
		fake_key_public(which[i], key);
		ota_key_id(key, kid);
		len = ota_signed_to_sign(parts->kind, parts->digest, kid, &parts->signatures[i], to_sign);
		fake_key_sign(which[i], to_sign, len, parts->signatures[i].rs);
	}
}

void fake_keyset_make(struct fake_keyset *keyset, uint32_t version)
{
	static const unsigned roots[] = {FAKE_ROOT, FAKE_ROOT + 1, FAKE_ROOT + 2}, release[] = {FAKE_RELEASE},
			      fleet[] = {FAKE_FLEET};

	memset(keyset, 0, sizeof(*keyset));
	keyset->keyset.version = version;
	keyset->keyset.issued_s = FAKE_TIME_S + (version - 1) * 86400;
	fake_role_make(&keyset->keyset.root, 2, roots, 3);
	fake_role_make(&keyset->keyset.release, 1, release, 1);
	fake_role_make(&keyset->keyset.fleet, 1, fleet, 1);
	fake_keyset_sign(keyset, roots, 2);
}

void fake_keyset_sign(struct fake_keyset *keyset, const unsigned *which, size_t count)
{
	struct ota_signed parts = {.kind = OTA_SIGNED_KEYSET};
	uint8_t body[OTA_KEYSET_BYTES_MAX];

	must(ota_keyset_encode(&keyset->keyset, body, sizeof(body), &parts.body_bstr_len));
	parts.body_bstr = body;
	fake_body_sign(&parts, which, count);
	must(ota_signed_encode(&parts, keyset->envelope, sizeof(keyset->envelope), &keyset->len));
}

void fake_assignment_make(struct fake_assignment *assignment, const uint8_t *digest, uint64_t sequence)
{
	struct ota_assignment *says = &assignment->says;

	memset(assignment, 0, sizeof(*assignment));
	says->keyset_version = 1;
	says->sequence = sequence;
	says->issued_s = FAKE_TIME_S + sequence;
	says->expires_s = says->issued_s + 3600;
	says->scope = OTA_SCOPE_DEVICE;
	memcpy(says->device_id, FAKE_DEVICE_ID, sizeof(FAKE_DEVICE_ID));
	says->has_digest = digest != NULL;
	if (digest)
		memcpy(says->digest, digest, sizeof(says->digest));
	fake_assignment_sign(assignment, (const unsigned[]){FAKE_FLEET}, 1);
}

void fake_assignment_sign(struct fake_assignment *assignment, const unsigned *which, size_t count)
{
	struct ota_signed parts = {.kind = OTA_SIGNED_ASSIGNMENT};
	uint8_t body[OTA_ASSIGNMENT_BYTES_MAX];

	must(ota_assignment_encode(&assignment->says, body, sizeof(body), &parts.body_bstr_len));
	parts.body_bstr = body;
	fake_body_sign(&parts, which, count);
	must(ota_signed_encode(&parts, assignment->envelope, sizeof(assignment->envelope), &assignment->len));
}
