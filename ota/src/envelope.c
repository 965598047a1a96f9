/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope: taken apart without a look at the manifest inside, and put together. */
#include <assert.h>
#include <string.h>

#include "cbor.h"
#include "cose.h"
#include "ota/err.h"
#include "ota/manifest.h"
#include "ota/verify.h"
#include "suit.h"

static struct cose_auth auth_of(const struct ota_envelope *envelope)
{
	return (struct cose_auth){"", envelope->digest, envelope->signatures, envelope->signature_count};
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
	out->signature_count = cose_auth_read(&in, out->digest, out->signatures, OTA_SIGNATURES_MAX);
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
	*len = cose_signed_bytes("", digest, signature, buf);
}

void ota_envelope_to_sign(
	const uint8_t digest[32], const uint8_t kid[8], struct ota_signature *signature, uint8_t *buf, size_t *len)
{
	*len = cose_to_sign("", digest, kid, signature, buf);
}

enum ota_verdict ota_envelope_verify(const struct ota_envelope *envelope, const struct ota_role *role)
{
	struct cose_auth auth = auth_of(envelope);

	return cose_verify(&auth, envelope->manifest_bstr, envelope->manifest_bstr_len, role);
}

int ota_envelope_encode(const struct ota_envelope *envelope, uint8_t *buf, size_t cap, size_t *len)
{
	struct cose_auth auth = auth_of(envelope);
	struct cbor_out out = {buf, cap < OTA_MANIFEST_BYTES_MAX ? cap : OTA_MANIFEST_BYTES_MAX, 0, false};

	assert(envelope->signature_count <= OTA_SIGNATURES_MAX);
	cbor_put_tag(&out, SUIT_TAG_ENVELOPE);
	cbor_put_map(&out, 2);
	cbor_put_int(&out, SUIT_ENVELOPE_AUTH);
	cbor_put_wrapped(&out, cose_auth_put, &auth);
	cbor_put_int(&out, SUIT_ENVELOPE_MANIFEST);
	cbor_put_raw(&out, envelope->manifest_bstr, envelope->manifest_bstr_len);
	if (out.overflow)
		return -OTA_E_MANIFEST_SIZE;
	*len = out.len;
	return 0;
}
