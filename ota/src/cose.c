/* SPDX-License-Identifier: Apache-2.0 */
#include "cose.h"

#include <assert.h>
#include <string.h>

#include "ota/err.h"
#include "ota/verify.h"
#include "suit.h"

/* ES256 has two numbers: -7, and -9 for the same with the curve named (RFC 9864). The name of an algorithm may also be a text. */
static bool alg_is_es256(struct cbor_in *in)
{
	int64_t alg;

	if (cbor_text_is(in))
		return false;
	alg = cbor_int(in);
	return alg == COSE_ALG_ES256 || alg == COSE_ALG_ESP256;
}

/* {1: alg, ?4: kid} */
static void protected_read(struct cbor_in *outer, struct ota_signature *signature)
{
	struct cbor_keys keys = {0};
	struct cbor_in in;
	size_t pairs;

	cbor_read_wrapped(&in, outer);
	if ((size_t)(in.end - in.at) > sizeof(signature->protected_header)) {
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	} else {
		signature->protected_len = (size_t)(in.end - in.at);
		memcpy(signature->protected_header, in.at, signature->protected_len);
	}
	pairs = cbor_map(&in);
	if (pairs != 1 && pairs != 2)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	if (cbor_key(&in, &keys) != COSE_HEADER_ALG)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	if (!alg_is_es256(&in))
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	if (pairs == 2) {
		if (cbor_key(&in, &keys) != COSE_HEADER_KID)
			cbor_fail(&in, -OTA_E_UNSUPPORTED);
		cbor_bytes_exact(&in, signature->kid, sizeof(signature->kid));
		signature->has_kid = true;
	}
	cbor_finish_wrapped(&in, outer);
}

static void sign1_read(struct cbor_in *outer, struct ota_signature *signature)
{
	struct cbor_in in;

	cbor_read_wrapped(&in, outer);
	(void)cbor_tag_is(&in, COSE_TAG_SIGN1);
	if (cbor_array(&in) != 4)
		cbor_fail(&in, -OTA_E_FORMAT);
	protected_read(&in, signature);
	if (cbor_map(&in) != 0) /* unprotected headers: nobody signed them */
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	cbor_null(&in);
	cbor_bytes_exact(&in, signature->rs, OTA_SIG_BYTES);
	cbor_finish_wrapped(&in, outer);
}

size_t cose_auth_read(struct cbor_in *outer, uint8_t digest[32], struct ota_signature *signatures, size_t max)
{
	struct cbor_in in;
	size_t items, count = 0;

	cbor_read_wrapped(&in, outer);
	items = cbor_array(&in);
	if (!in.error && items == 0)
		cbor_fail(&in, -OTA_E_FORMAT);
	if (items > 1 + max)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	suit_digest_read(&in, digest);
	while (count + 1 < items && !in.error)
		sign1_read(&in, &signatures[count++]);
	cbor_finish_wrapped(&in, outer);
	return count;
}

static void sign1_put(struct cbor_out *out, const void *arg)
{
	const struct ota_signature *signature = arg;

	cbor_put_tag(out, COSE_TAG_SIGN1);
	cbor_put_array(out, 4);
	cbor_put_bytes(out, signature->protected_header, signature->protected_len);
	cbor_put_map(out, 0);
	cbor_put_null(out);
	cbor_put_bytes(out, signature->rs, OTA_SIG_BYTES);
}

void cose_auth_put(struct cbor_out *out, const void *arg)
{
	const struct cose_auth *auth = arg;

	cbor_put_array(out, 1 + auth->count);
	cbor_put_wrapped(out, suit_digest_put, auth->digest);
	for (size_t i = 0; i < auth->count; i++)
		cbor_put_wrapped(out, sign1_put, &auth->signatures[i]);
}

size_t cose_signed_bytes(const char *aad, const uint8_t digest[32], const struct ota_signature *signature, uint8_t *buf)
{
	struct cbor_out out = {buf, OTA_SIG_STRUCTURE_MAX, 0, false};

	cbor_put_array(&out, 4);
	cbor_put_text(&out, "Signature1");
	cbor_put_bytes(&out, signature->protected_header, signature->protected_len);
	cbor_put_bytes(&out, aad, strlen(aad));
	cbor_put_wrapped(&out, suit_digest_put, digest);
	assert(!out.overflow);
	return out.len;
}

size_t cose_to_sign(
	const char *aad, const uint8_t digest[32], const uint8_t kid[8], struct ota_signature *signature, uint8_t *buf)
{
	struct cbor_out out = {signature->protected_header, sizeof(signature->protected_header), 0, false};

	signature->has_kid = kid != NULL;
	cbor_put_map(&out, kid ? 2 : 1);
	cbor_put_int(&out, COSE_HEADER_ALG);
	cbor_put_int(&out, COSE_ALG_ES256);
	if (kid) {
		memcpy(signature->kid, kid, sizeof(signature->kid));
		cbor_put_int(&out, COSE_HEADER_KID);
		cbor_put_bytes(&out, kid, sizeof(signature->kid));
	}
	assert(!out.overflow);
	signature->protected_len = out.len;
	return cose_signed_bytes(aad, digest, signature, buf);
}

static enum ota_verdict signature_verify(
	const struct cose_auth *auth, const struct ota_signature *signature, const uint8_t key[OTA_KEY_BYTES])
{
	uint8_t signed_bytes[OTA_SIG_STRUCTURE_MAX], hash[OTA_SHA256_BYTES], kid[OTA_KID_BYTES];
	size_t len;

	ota_key_id(key, kid);
	if (signature->has_kid && memcmp(kid, signature->kid, sizeof(kid)) != 0)
		return OTA_REFUSED;
	len = cose_signed_bytes(auth->aad, auth->digest, signature, signed_bytes);
	ota_sha256(signed_bytes, len, hash);
	return ota_es256_verify(key, hash, signature->rs);
}

static bool key_signed(const struct cose_auth *auth, const uint8_t key[OTA_KEY_BYTES])
{
	for (size_t i = 0; i < auth->count; i++)
		if (signature_verify(auth, &auth->signatures[i], key) == OTA_ACCEPTED)
			return true;
	return false;
}

/* A role that came from a keyset has no key twice; one that a program made may. */
static bool key_is_repeated(const struct ota_role *role, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (memcmp(role->keys[i], role->keys[index], OTA_KEY_BYTES) == 0)
			return true;
	return false;
}

/* Keys are counted, not signatures: the same key may have signed more than once. */
enum ota_verdict cose_verify(const struct cose_auth *auth, const uint8_t *bstr, size_t len, const struct ota_role *role)
{
	uint8_t digest[OTA_SHA256_BYTES];
	uint32_t signers = 0;

	if (role->threshold == 0 || role->key_count > OTA_KEYSET_ROLE_MAX)
		return OTA_REFUSED;
	ota_sha256(bstr, len, digest);
	if (memcmp(digest, auth->digest, sizeof(digest)) != 0)
		return OTA_REFUSED;
	for (size_t i = 0; i < role->key_count; i++) {
		if (!key_is_repeated(role, i) && key_signed(auth, role->keys[i]))
			signers++;
		if (signers >= role->threshold)
			return OTA_ACCEPTED;
	}
	return OTA_REFUSED;
}
