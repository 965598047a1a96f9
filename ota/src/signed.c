/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope of keyset and assignment: taken apart without a look at the body, and put together. */
#include "ota/signed.h"

#include <assert.h>
#include <string.h>

#include "cose.h"
#include "ota/assignment.h"
#include "ota/err.h"

static const struct kind {
	const char *aad;
	size_t bytes_max, signatures_max;
} kinds[] = {
	[OTA_SIGNED_KEYSET] = {"skerry keyset 1", OTA_KEYSET_BYTES_MAX, OTA_SIGNED_SIGNATURES_MAX},
	[OTA_SIGNED_ASSIGNMENT] = {"skerry assignment 1", OTA_ASSIGNMENT_BYTES_MAX, OTA_ASSIGNMENT_SIGNATURES},
};

static struct cose_auth auth_of(const struct ota_signed *parts)
{
	return (struct cose_auth){kinds[parts->kind].aad, parts->digest, parts->signatures, parts->signature_count};
}

static void parts_read(struct cbor_in *in, struct ota_signed *out)
{
	struct cbor_bytes body;

	if (cbor_array(in) != 2)
		cbor_fail(in, -OTA_E_FORMAT);
	out->signature_count = cose_auth_read(in, out->digest, out->signatures, kinds[out->kind].signatures_max);
	if (out->signature_count == 0)
		cbor_fail(in, -OTA_E_FORMAT);
	out->body_bstr = in->at;
	body = cbor_bytes(in);
	out->body = body.data;
	out->body_len = body.len;
	out->body_bstr_len = (size_t)(in->at - out->body_bstr);
}

int ota_signed_open(enum ota_signed_kind kind, const uint8_t *envelope, size_t len, struct ota_signed *out)
{
	struct cbor_in in;
	int error;

	memset(out, 0, sizeof(*out));
	out->kind = kind;
	if (len > kinds[kind].bytes_max)
		return -OTA_E_TOO_LONG;
	cbor_read(&in, envelope, len);
	parts_read(&in, out);
	error = cbor_finish(&in);
	if (error)
		memset(out, 0, sizeof(*out));
	return error;
}

enum ota_verdict ota_signed_verify(const struct ota_signed *parts, const struct ota_role *role)
{
	struct cose_auth auth = auth_of(parts);

	return cose_verify(&auth, parts->body_bstr, parts->body_bstr_len, role);
}

size_t ota_signed_to_sign(enum ota_signed_kind kind, const uint8_t digest[32], const uint8_t kid[8],
	struct ota_signature *signature, uint8_t *buf)
{
	return cose_to_sign(kinds[kind].aad, digest, kid, signature, buf);
}

int ota_signed_encode(const struct ota_signed *parts, uint8_t *buf, size_t cap, size_t *len)
{
	const struct kind *kind = &kinds[parts->kind];
	struct cose_auth auth = auth_of(parts);
	struct cbor_out out = {buf, cap < kind->bytes_max ? cap : kind->bytes_max, 0, false};

	assert(parts->signature_count <= kind->signatures_max);
	cbor_put_array(&out, 2);
	cbor_put_wrapped(&out, cose_auth_put, &auth);
	cbor_put_raw(&out, parts->body_bstr, parts->body_bstr_len);
	if (out.overflow)
		return -OTA_E_TOO_LONG;
	*len = out.len;
	return 0;
}
