/* SPDX-License-Identifier: Apache-2.0 */
/* The keyset: read whole, or refused. */
#include "ota/keyset.h"

#include <stdbool.h>
#include <string.h>

#include "cbor.h"
#include "ota/err.h"

enum { KEY_FORMAT = 1, KEY_VERSION, KEY_ISSUED, KEY_ROOT, KEY_RELEASE, KEY_FLEET, KEY_COUNT = KEY_FLEET };

/* The three roles alike, in the order of the bytes. */
#define ROLES 3
static const size_t roles_max[ROLES] = {OTA_KEYSET_ROOTS_MAX, OTA_KEYSET_RELEASES_MAX, OTA_KEYSET_FLEETS_MAX};

static struct ota_role *role_at(struct ota_keyset *keyset, size_t index)
{
	struct ota_role *const roles[ROLES] = {&keyset->root, &keyset->release, &keyset->fleet};

	return roles[index];
}

static bool key_stands_in(const struct ota_role *role, size_t count, const uint8_t key[OTA_KEY_BYTES])
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(role->keys[i], key, OTA_KEY_BYTES) == 0)
			return true;
	return false;
}

/* Nor in a role before its own: what one key may do, no theft of another gives. */
static bool keys_are_distinct(struct ota_keyset *keyset)
{
	for (size_t r = 0; r < ROLES; r++) {
		const struct ota_role *role = role_at(keyset, r);

		for (size_t k = 0; k < role->key_count; k++) {
			if (key_stands_in(role, k, role->keys[k]))
				return false;
			for (size_t before = 0; before < r; before++)
				if (key_stands_in(
					    role_at(keyset, before), role_at(keyset, before)->key_count, role->keys[k]))
					return false;
		}
	}
	return true;
}

static bool members_ok(struct ota_keyset *keyset)
{
	if (keyset->version == 0 || keyset->issued_s > INT64_MAX)
		return false;
	for (size_t r = 0; r < ROLES; r++) {
		const struct ota_role *role = role_at(keyset, r);

		if (role->key_count == 0 || role->key_count > roles_max[r] || role->threshold == 0 ||
			role->threshold > role->key_count)
			return false;
	}
	return keys_are_distinct(keyset);
}

static void role_read(struct cbor_in *in, struct ota_role *role, size_t max)
{
	size_t count;

	if (cbor_array(in) != 2)
		cbor_fail(in, -OTA_E_FORMAT);
	role->threshold = (uint32_t)cbor_uint(in, UINT32_MAX);
	count = cbor_array(in);
	if (count > max)
		cbor_fail(in, -OTA_E_UNSUPPORTED);
	for (size_t i = 0; i < count && !in->error; i++)
		cbor_bytes_exact(in, role->keys[i], OTA_KEY_BYTES);
	role->key_count = in->error ? 0 : count;
}

static void member_read(struct cbor_in *in, int key, struct ota_keyset *out)
{
	switch (key) {
	case KEY_FORMAT:
		cbor_expect(in, 1, -OTA_E_UNSUPPORTED);
		break;
	case KEY_VERSION:
		out->version = (uint32_t)cbor_uint(in, UINT32_MAX);
		break;
	case KEY_ISSUED:
		out->issued_s = cbor_uint(in, INT64_MAX);
		break;
	default:
		role_read(in, role_at(out, (size_t)(key - KEY_ROOT)), roles_max[key - KEY_ROOT]);
	}
}

static int body_read(const uint8_t *body, size_t len, struct ota_keyset *out)
{
	struct cbor_keys keys = {0};
	struct cbor_in in;
	size_t pairs;
	int error;

	cbor_read(&in, body, len);
	pairs = cbor_map(&in);
	if (!in.error && pairs != KEY_COUNT)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	for (int key = KEY_FORMAT; key <= KEY_COUNT && !in.error; key++) {
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

int ota_keyset_open(const uint8_t *envelope, size_t len, struct ota_signed *parts, struct ota_keyset *out)
{
	int error = ota_signed_open(OTA_SIGNED_KEYSET, envelope, len, parts);

	memset(out, 0, sizeof(*out));
	if (!error)
		error = body_read(parts->body, parts->body_len, out);
	if (error) {
		memset(parts, 0, sizeof(*parts));
		memset(out, 0, sizeof(*out));
	}
	return error;
}

enum ota_verdict ota_keyset_verify(const struct ota_signed *parts, const struct ota_keyset *keyset)
{
	return ota_signed_verify(parts, &keyset->root);
}

enum ota_verdict ota_keyset_verify_next(
	const struct ota_keyset *held, const struct ota_signed *parts, const struct ota_keyset *keyset)
{
	if (keyset->version != (uint64_t)held->version + 1)
		return OTA_REFUSED;
	if (ota_signed_verify(parts, &held->root) != OTA_ACCEPTED)
		return OTA_REFUSED;
	return ota_keyset_verify(parts, keyset);
}

static void role_put(struct cbor_out *out, const struct ota_role *role)
{
	cbor_put_array(out, 2);
	cbor_put_uint(out, role->threshold);
	cbor_put_array(out, role->key_count);
	for (size_t i = 0; i < role->key_count; i++)
		cbor_put_bytes(out, role->keys[i], OTA_KEY_BYTES);
}

static void body_put(struct cbor_out *out, const void *arg)
{
	const struct ota_keyset *keyset = arg;
	const struct ota_role *const roles[ROLES] = {&keyset->root, &keyset->release, &keyset->fleet};

	cbor_put_map(out, KEY_COUNT);
	cbor_put_int(out, KEY_FORMAT);
	cbor_put_int(out, 1);
	cbor_put_int(out, KEY_VERSION);
	cbor_put_uint(out, keyset->version);
	cbor_put_int(out, KEY_ISSUED);
	cbor_put_uint(out, keyset->issued_s);
	for (int i = 0; i < ROLES; i++) {
		cbor_put_int(out, KEY_ROOT + i);
		role_put(out, roles[i]);
	}
}

int ota_keyset_encode(const struct ota_keyset *keyset, uint8_t *buf, size_t cap, size_t *len)
{
	struct ota_keyset copy = *keyset;
	struct cbor_out out = {buf, cap, 0, false};

	if (!members_ok(&copy))
		return -OTA_E_ARG;
	cbor_put_wrapped(&out, body_put, keyset);
	if (out.overflow)
		return -OTA_E_TOO_LONG;
	*len = out.len;
	return 0;
}
