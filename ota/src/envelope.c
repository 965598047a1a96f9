/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope: taken apart without a look at the manifest inside, and put together. */
#include <assert.h>
#include <string.h>

#include "cbor.h"
#include "ota/err.h"
#include "ota/manifest.h"
#include "suit.h"

/* {1: alg, ?4: kid}. ES256 has two numbers: -7, and -9 for the same with the curve named (RFC 9864). */
static void protected_read(struct cbor_in *outer, struct ota_signature *signature)
{
	struct cbor_keys keys = {0};
	struct cbor_in in;
	int64_t alg;
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
	alg = cbor_int(&in);
	if (alg != COSE_ALG_ES256 && alg != COSE_ALG_ESP256)
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

static void auth_read(struct cbor_in *outer, struct ota_envelope *out)
{
	struct cbor_in in;
	size_t count;

	cbor_read_wrapped(&in, outer);
	count = cbor_array(&in);
	if (!in.error && count == 0)
		cbor_fail(&in, -OTA_E_FORMAT);
	if (count > 1 + OTA_SIGNATURES_MAX)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	suit_digest_read(&in, out->digest);
	for (size_t i = 1; i < count && !in.error; i++)
		sign1_read(&in, &out->signatures[out->signature_count++]);
	cbor_finish_wrapped(&in, outer);
}

int ota_envelope_open(const uint8_t *envelope, size_t len, struct ota_envelope *out)
{
	struct cbor_keys keys = {0};
	struct cbor_bytes manifest;
	struct cbor_in in;
	size_t pairs;
	int error;

	memset(out, 0, sizeof(*out));
	if (len > OTA_MANIFEST_BYTES_MAX)
		return -OTA_E_MANIFEST_SIZE;
	cbor_read(&in, envelope, len);
	if (!cbor_tag_is(&in, SUIT_TAG_ENVELOPE))
		return -OTA_E_FORMAT;
	pairs = cbor_map(&in);
	if (!in.error && pairs != 2) /* severed members are not for us */
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	if (cbor_key(&in, &keys) != SUIT_ENVELOPE_AUTH)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	auth_read(&in, out);
	if (cbor_key(&in, &keys) != SUIT_ENVELOPE_MANIFEST)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	out->manifest_bstr = in.at;
	manifest = cbor_bytes(&in);
	out->manifest = manifest.data;
	out->manifest_len = manifest.len;
	out->manifest_bstr_len = (size_t)(in.at - out->manifest_bstr);
	error = cbor_finish(&in);
	if (error)
		memset(out, 0, sizeof(*out));
	return error;
}

void ota_envelope_signed_bytes(
	const uint8_t digest[32], const struct ota_signature *signature, uint8_t *buf, size_t *len)
{
	struct cbor_out out = {buf, OTA_SIG_STRUCTURE_MAX, 0, false};

	cbor_put_array(&out, 4);
	cbor_put_text(&out, "Signature1");
	cbor_put_bytes(&out, signature->protected_header, signature->protected_len);
	cbor_put_bytes(&out, NULL, 0); /* external_aad */
	cbor_put_wrapped(&out, suit_digest_put, digest);
	assert(!out.overflow);
	*len = out.len;
}

void ota_envelope_to_sign(
	const uint8_t digest[32], const uint8_t kid[8], struct ota_signature *signature, uint8_t *buf, size_t *len)
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
	ota_envelope_signed_bytes(digest, signature, buf, len);
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

static void auth_put(struct cbor_out *out, const void *arg)
{
	const struct ota_envelope *envelope = arg;

	cbor_put_array(out, 1 + envelope->signature_count);
	cbor_put_wrapped(out, suit_digest_put, envelope->digest);
	for (size_t i = 0; i < envelope->signature_count; i++)
		cbor_put_wrapped(out, sign1_put, &envelope->signatures[i]);
}

int ota_envelope_encode(const struct ota_envelope *envelope, uint8_t *buf, size_t cap, size_t *len)
{
	struct cbor_out out = {buf, cap < OTA_MANIFEST_BYTES_MAX ? cap : OTA_MANIFEST_BYTES_MAX, 0, false};

	assert(envelope->signature_count <= OTA_SIGNATURES_MAX);
	cbor_put_tag(&out, SUIT_TAG_ENVELOPE);
	cbor_put_map(&out, 2);
	cbor_put_int(&out, SUIT_ENVELOPE_AUTH);
	cbor_put_wrapped(&out, auth_put, envelope);
	cbor_put_int(&out, SUIT_ENVELOPE_MANIFEST);
	cbor_put_raw(&out, envelope->manifest_bstr, envelope->manifest_bstr_len);
	if (out.overflow)
		return -OTA_E_MANIFEST_SIZE;
	*len = out.len;
	return 0;
}
