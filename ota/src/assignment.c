/* SPDX-License-Identifier: Apache-2.0 */
/* The assignment: read whole, or refused. */
#include "ota/assignment.h"

#include <string.h>

#include "cbor.h"
#include "ota/err.h"
#include "suit.h"

enum {
	KEY_FORMAT = 1,
	KEY_KEYSET,
	KEY_SEQUENCE,
	KEY_ISSUED,
	KEY_EXPIRES,
	KEY_SCOPE,
	KEY_DIGEST,
	KEY_NONCE,
	KEYS_LEAST = KEY_DIGEST,
};

static void scope_read(struct cbor_in *in, struct ota_assignment *out)
{
	if (cbor_array(in) != 2)
		cbor_fail(in, -OTA_E_FORMAT);
	out->scope = (enum ota_scope)cbor_uint(in, OTA_SCOPE_CLASS);
	if (out->scope == OTA_SCOPE_DEVICE)
		suit_device_id_read(in, out->device_id);
	else if (out->scope == OTA_SCOPE_CLASS)
		cbor_bytes_exact(in, out->class_id, sizeof(out->class_id));
	else
		cbor_fail(in, -OTA_E_UNSUPPORTED);
}

static void digest_read(struct cbor_in *in, struct ota_assignment *out)
{
	out->has_digest = !cbor_null_is(in);
	if (out->has_digest)
		cbor_bytes_exact(in, out->digest, sizeof(out->digest));
}

/* One that is there is not empty: leaving it out is the one way of saying nothing. */
static void nonce_read(struct cbor_in *in, struct ota_assignment *out)
{
	struct cbor_bytes nonce = cbor_bytes(in);

	if (nonce.len == 0 || nonce.len > sizeof(out->nonce)) {
		cbor_fail(in, -OTA_E_FORMAT);
		return;
	}
	memcpy(out->nonce, nonce.data, nonce.len);
	out->nonce_len = nonce.len;
}

static void member_read(struct cbor_in *in, int key, struct ota_assignment *out)
{
	switch (key) {
	case KEY_FORMAT:
		cbor_expect(in, 1, -OTA_E_UNSUPPORTED);
		break;
	case KEY_KEYSET:
		out->keyset_version = (uint32_t)cbor_uint(in, UINT32_MAX);
		break;
	case KEY_SEQUENCE:
		out->sequence = cbor_uint(in, UINT64_MAX);
		break;
	case KEY_ISSUED:
		out->issued_s = cbor_uint(in, INT64_MAX);
		break;
	case KEY_EXPIRES:
		out->expires_s = cbor_uint(in, INT64_MAX);
		break;
	case KEY_SCOPE:
		scope_read(in, out);
		break;
	case KEY_DIGEST:
		digest_read(in, out);
		break;
	case KEY_NONCE:
		nonce_read(in, out);
		break;
	}
}

/* A digest of zeroes marks elsewhere that nothing is assigned. */
static bool members_ok(const struct ota_assignment *a)
{
	static const uint8_t zero[32];

	if (a->keyset_version == 0 || a->sequence == 0 || a->issued_s >= a->expires_s || a->expires_s > INT64_MAX)
		return false;
	if (a->scope != OTA_SCOPE_CLASS && (a->scope != OTA_SCOPE_DEVICE || a->device_id[0] == '\0'))
		return false;
	return !a->has_digest || memcmp(a->digest, zero, sizeof(zero)) != 0;
}

static int body_read(const uint8_t *body, size_t len, struct ota_assignment *out)
{
	struct cbor_keys keys = {0};
	struct cbor_in in;
	size_t pairs;
	int error;

	cbor_read(&in, body, len);
	pairs = cbor_map(&in);
	if (!in.error && pairs != KEYS_LEAST && pairs != KEY_NONCE)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	for (int key = KEY_FORMAT; key <= (int)pairs && !in.error; key++) {
		int64_t found = cbor_key(&in, &keys);

		if (!in.error && found != key)
			cbor_fail(&in, -OTA_E_UNSUPPORTED);
		member_read(&in, key, out);
	}
	error = cbor_finish(&in);
	if (error)
		return error;
	return members_ok(out) ? 0 : -OTA_E_FORMAT;
}

int ota_assignment_open(const uint8_t *envelope, size_t len, struct ota_signed *parts, struct ota_assignment *out)
{
	int error = ota_signed_open(OTA_SIGNED_ASSIGNMENT, envelope, len, parts);

	memset(out, 0, sizeof(*out));
	if (!error)
		error = body_read(parts->body, parts->body_len, out);
	if (error) {
		memset(parts, 0, sizeof(*parts));
		memset(out, 0, sizeof(*out));
	}
	return error;
}

static void scope_put(struct cbor_out *out, const struct ota_assignment *a)
{
	cbor_put_array(out, 2);
	cbor_put_int(out, a->scope);
	if (a->scope == OTA_SCOPE_DEVICE)
		cbor_put_bytes(out, a->device_id, strlen(a->device_id));
	else
		cbor_put_bytes(out, a->class_id, sizeof(a->class_id));
}

static void body_put(struct cbor_out *out, const void *arg)
{
	const struct ota_assignment *a = arg;
	const uint64_t numbers[] = {1, a->keyset_version, a->sequence, a->issued_s, a->expires_s};

	cbor_put_map(out, a->nonce_len ? KEY_NONCE : KEYS_LEAST);
	for (int key = KEY_FORMAT; key <= KEY_EXPIRES; key++) {
		cbor_put_int(out, key);
		cbor_put_uint(out, numbers[key - KEY_FORMAT]);
	}
	cbor_put_int(out, KEY_SCOPE);
	scope_put(out, a);
	cbor_put_int(out, KEY_DIGEST);
	if (a->has_digest)
		cbor_put_bytes(out, a->digest, sizeof(a->digest));
	else
		cbor_put_null(out);
	if (a->nonce_len) {
		cbor_put_int(out, KEY_NONCE);
		cbor_put_bytes(out, a->nonce, a->nonce_len);
	}
}

int ota_assignment_encode(const struct ota_assignment *assignment, uint8_t *buf, size_t cap, size_t *len)
{
	struct cbor_out out = {buf, cap, 0, false};

	if (!members_ok(assignment) || assignment->nonce_len > sizeof(assignment->nonce))
		return -OTA_E_ARG;
	cbor_put_wrapped(&out, body_put, assignment);
	if (out.overflow)
		return -OTA_E_TOO_LONG;
	*len = out.len;
	return 0;
}
