/* SPDX-License-Identifier: Apache-2.0 */
#include "signed_body.h"

#include "cbor.h"
#include "fake/fake_image.h"
#include "ota/verify.h"

size_t signed_body_wrap(
	enum ota_signed_kind kind, const struct fuzz_in *body, size_t count, uint8_t out[SIGNED_BODY_MAX])
{
	static uint8_t bstr[SIGNED_BODY_MAX];
	struct cbor_out wrapped = {bstr, sizeof(bstr), 0, false};
	struct ota_signed parts = {.kind = kind, .body_bstr = bstr, .signature_count = count};
	uint8_t to_sign[OTA_SIG_STRUCTURE_MAX], kid[8] = {0};
	size_t len;

	cbor_put_bytes(&wrapped, body->at, body->left);
	FUZZ_MUST(!wrapped.overflow);
	parts.body_bstr_len = wrapped.len;
	ota_sha256(bstr, wrapped.len, parts.digest);
	for (size_t i = 0; i < count; i++) {
		kid[0] = (uint8_t)i;
		(void)ota_signed_to_sign(kind, parts.digest, kid, &parts.signatures[i], to_sign);
		memset(parts.signatures[i].rs, (int)i + 1, sizeof(parts.signatures[i].rs));
	}
	return ota_signed_encode(&parts, out, SIGNED_BODY_MAX, &len) == 0 ? len : 0;
}

void signed_body_check(const struct ota_signed *parts, const uint8_t *envelope, size_t len)
{
	static uint8_t again[SIGNED_BODY_MAX];
	struct ota_signed second;
	size_t again_len;

	FUZZ_MUST(parts->body_bstr >= envelope && parts->body_bstr + parts->body_bstr_len == envelope + len);
	FUZZ_MUST(parts->body + parts->body_len == envelope + len && parts->body > parts->body_bstr);
	FUZZ_MUST(parts->signature_count >= 1 && parts->signature_count <= OTA_SIGNED_SIGNATURES_MAX);
	FUZZ_MUST(ota_signed_encode(parts, again, sizeof(again), &again_len) == 0);
	/* The tag of a signature may be left out; it is written again with it, and may then be too long to be opened. */
	FUZZ_MUST(again_len >= len && again_len <= len + OTA_SIGNED_SIGNATURES_MAX * 4);
	if (ota_signed_open(parts->kind, again, again_len, &second) != 0) {
		FUZZ_MUST(again_len > len);
		return;
	}
	FUZZ_MUST(second.signature_count == parts->signature_count);
	FUZZ_MUST(second.body_bstr_len == parts->body_bstr_len);
	FUZZ_MUST(memcmp(second.body_bstr, parts->body_bstr, parts->body_bstr_len) == 0);
	FUZZ_MUST(memcmp(second.digest, parts->digest, sizeof(second.digest)) == 0);
	for (size_t i = 0; i < second.signature_count; i++)
		FUZZ_MUST(memcmp(second.signatures[i].rs, parts->signatures[i].rs, OTA_SIG_BYTES) == 0);
}
