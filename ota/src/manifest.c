/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest proper: read whole, or refused. The command sequences of the subset have one form each, so they are
 * compared with it rather than interpreted: there is no interpreter that an attacker could drive.
 */
#include "ota/manifest.h"

#include <string.h>

#include "cbor.h"
#include "ota/err.h"
#include "suit.h"

uint32_t ota_manifest_chunk_len(const struct ota_manifest *manifest, uint32_t index)
{
	uint64_t off = (uint64_t)index * manifest->chunk_bytes;
	uint64_t left = manifest->image_bytes - off;

	return left < manifest->chunk_bytes ? (uint32_t)left : manifest->chunk_bytes;
}

static void expect(struct cbor_in *in, int64_t value)
{
	cbor_expect(in, value, -OTA_E_UNSUPPORTED);
}

static void expect_array(struct cbor_in *in, size_t count)
{
	size_t found = cbor_array(in);

	if (!in->error && found != count)
		cbor_fail(in, -OTA_E_UNSUPPORTED);
}

static void expect_key(struct cbor_in *in, struct cbor_keys *keys, int64_t key)
{
	int64_t found = cbor_key(in, keys);

	if (!in->error && found != key)
		cbor_fail(in, -OTA_E_UNSUPPORTED);
}

static void version_read(struct cbor_in *in, uint32_t version[3])
{
	expect_array(in, 3);
	version[0] = (uint32_t)cbor_uint(in, UINT16_MAX);
	version[1] = (uint32_t)cbor_uint(in, UINT16_MAX);
	version[2] = (uint32_t)cbor_uint(in, UINT32_MAX);
}

static void chunk_digests_read(struct cbor_in *in, struct ota_manifest *out)
{
	struct cbor_bytes digests = cbor_bytes(in);

	if (digests.len % 32 != 0)
		cbor_fail(in, -OTA_E_FORMAT);
	out->chunk_digests = digests.data;
	out->chunk_count = (uint32_t)(digests.len / 32);
}

/* Text that is there is not empty: leaving it out is the one way of saying nothing. */
static void text_read(struct cbor_in *in, char *out, size_t cap)
{
	cbor_text(in, out, cap);
	if (!out[0])
		cbor_fail(in, -OTA_E_FORMAT);
}

static void parameter_read(struct cbor_in *in, int64_t key, struct ota_manifest *out)
{
	switch (key) {
	case SUIT_PARAM_VENDOR:
		cbor_bytes_exact(in, out->vendor_id, sizeof(out->vendor_id));
		break;
	case SUIT_PARAM_CLASS:
		cbor_bytes_exact(in, out->class_id, sizeof(out->class_id));
		break;
	case SUIT_PARAM_DIGEST:
		suit_digest_read(in, out->digest);
		break;
	case SUIT_PARAM_SIZE:
		out->image_bytes = (uint32_t)cbor_uint(in, UINT32_MAX);
		break;
	case SUIT_PARAM_DEVICE:
		suit_device_id_read(in, out->device_id);
		break;
	case SUIT_PARAM_VERSION:
		version_read(in, out->version);
		break;
	case SUIT_PARAM_CHUNK_BYTES:
		out->chunk_bytes = (uint32_t)cbor_uint(in, OTA_MANIFEST_CHUNK_MAX);
		break;
	case SUIT_PARAM_CHUNK_DIGESTS:
		chunk_digests_read(in, out);
		break;
	case SUIT_PARAM_ENCODING:
		expect(in, SUIT_ENCODING_PLAIN);
		break;
	case SUIT_PARAM_PRECURSOR:
		out->has_precursor = true;
		cbor_bytes_exact(in, out->precursor, sizeof(out->precursor));
		break;
	case SUIT_PARAM_NAME:
		text_read(in, out->name, sizeof(out->name));
		break;
	default:
		cbor_fail(in, -OTA_E_UNSUPPORTED);
	}
}

static uint32_t parameter_bit(int64_t key)
{
	return key >= 0 && key < 25 ? 1u << key : key < 0 && key >= -6 ? 1u << (25 - key - 1) : 0;
}

static void parameters_read(struct cbor_in *in, struct ota_manifest *out)
{
	static const int8_t required[] = {SUIT_PARAM_VENDOR, SUIT_PARAM_CLASS, SUIT_PARAM_DIGEST, SUIT_PARAM_SIZE,
		SUIT_PARAM_VERSION, SUIT_PARAM_CHUNK_BYTES, SUIT_PARAM_CHUNK_DIGESTS, SUIT_PARAM_ENCODING};
	struct cbor_keys keys = {0};
	size_t pairs = cbor_map(in);
	uint32_t seen = 0;

	for (size_t i = 0; i < pairs && !in->error; i++) {
		int64_t key = cbor_key(in, &keys);

		if (in->error)
			return;
		parameter_read(in, key, out);
		seen |= parameter_bit(key);
	}
	for (size_t i = 0; i < sizeof(required); i++)
		if (!(seen & parameter_bit(required[i])))
			cbor_fail(in, -OTA_E_UNSUPPORTED);
}

static void condition_expect(struct cbor_in *in, int64_t condition)
{
	expect(in, condition);
	expect(in, SUIT_POLICY_ALL);
}

static void shared_sequence_read(struct cbor_in *outer, struct ota_manifest *out)
{
	struct cbor_in in;
	size_t count;

	cbor_read_wrapped(&in, outer);
	count = cbor_array(&in);
	expect(&in, SUIT_DIRECTIVE_OVERRIDE);
	parameters_read(&in, out);
	if (!in.error && count != (out->device_id[0] ? 8u : 6u))
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	condition_expect(&in, SUIT_CONDITION_VENDOR);
	condition_expect(&in, SUIT_CONDITION_CLASS);
	if (out->device_id[0])
		condition_expect(&in, SUIT_CONDITION_DEVICE);
	cbor_finish_wrapped(&in, outer);
}

static void common_read(struct cbor_in *outer, struct ota_manifest *out)
{
	struct cbor_keys keys = {0};
	struct cbor_bytes component;
	struct cbor_in in;

	cbor_read_wrapped(&in, outer);
	if (cbor_map(&in) != 2)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	expect_key(&in, &keys, SUIT_COMMON_COMPONENTS);
	expect_array(&in, 1);
	expect_array(&in, 1);
	component = cbor_bytes(&in);
	if (!in.error && (component.len != 1 || component.data[0] != 0))
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	expect_key(&in, &keys, SUIT_COMMON_SEQUENCE);
	shared_sequence_read(&in, out);
	cbor_finish_wrapped(&in, outer);
}

/* [3, 15] or [23, 2] in a byte string. */
static void pair_expect(struct cbor_in *outer, int64_t command, int64_t policy)
{
	struct cbor_in in;

	cbor_read_wrapped(&in, outer);
	expect_array(&in, 2);
	expect(&in, command);
	expect(&in, policy);
	cbor_finish_wrapped(&in, outer);
}

static void install_read(struct cbor_in *outer, struct ota_manifest *out)
{
	struct cbor_keys keys = {0};
	struct cbor_in in;

	cbor_read_wrapped(&in, outer);
	expect_array(&in, 6);
	expect(&in, SUIT_DIRECTIVE_OVERRIDE);
	if (cbor_map(&in) != 1)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	expect_key(&in, &keys, SUIT_PARAM_URI);
	text_read(&in, out->uri, sizeof(out->uri));
	expect(&in, SUIT_DIRECTIVE_FETCH);
	expect(&in, SUIT_POLICY_FETCH);
	condition_expect(&in, SUIT_CONDITION_IMAGE);
	cbor_finish_wrapped(&in, outer);
}

/* Members that are each in their range, but must also agree with one another. A digest of zeroes marks an unused entry elsewhere. */
static int consistency_check(const struct ota_manifest *m)
{
	static const uint8_t zero[32];
	uint64_t chunks;

	if (m->image_bytes == 0 || m->chunk_bytes < OTA_MANIFEST_CHUNK_MIN ||
		(m->chunk_bytes & (m->chunk_bytes - 1)) != 0)
		return -OTA_E_FORMAT;
	chunks = ((uint64_t)m->image_bytes + m->chunk_bytes - 1) / m->chunk_bytes;
	if (m->chunk_count > OTA_MANIFEST_CHUNKS_MAX)
		return -OTA_E_UNSUPPORTED;
	if (m->chunk_count != chunks || memcmp(m->digest, zero, sizeof(zero)) == 0)
		return -OTA_E_FORMAT;
	return 0;
}

int ota_manifest_parse(const uint8_t *manifest, size_t len, struct ota_manifest *out)
{
	struct cbor_keys keys = {0};
	struct cbor_in in;
	size_t pairs;
	int error;

	memset(out, 0, sizeof(*out));
	cbor_read(&in, manifest, len);
	pairs = cbor_map(&in);
	if (!in.error && pairs != 6)
		cbor_fail(&in, -OTA_E_UNSUPPORTED);
	expect_key(&in, &keys, SUIT_MANIFEST_VERSION);
	expect(&in, 1);
	expect_key(&in, &keys, SUIT_MANIFEST_SEQUENCE);
	out->counter = (uint32_t)cbor_uint(&in, UINT32_MAX);
	expect_key(&in, &keys, SUIT_MANIFEST_COMMON);
	common_read(&in, out);
	expect_key(&in, &keys, SUIT_MANIFEST_VALIDATE);
	pair_expect(&in, SUIT_CONDITION_IMAGE, SUIT_POLICY_ALL);
	expect_key(&in, &keys, SUIT_MANIFEST_INVOKE);
	pair_expect(&in, SUIT_DIRECTIVE_INVOKE, SUIT_POLICY_FETCH);
	expect_key(&in, &keys, SUIT_MANIFEST_INSTALL);
	install_read(&in, out);
	error = cbor_finish(&in);
	if (!error)
		error = consistency_check(out);
	if (error)
		memset(out, 0, sizeof(*out));
	return error;
}
