/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest's deterministic encoding. */
#include <string.h>

#include "cbor.h"
#include "ota/err.h"
#include "ota/manifest.h"
#include "suit.h"

static void condition_put(struct cbor_out *out, int64_t condition)
{
	cbor_put_int(out, condition);
	cbor_put_int(out, SUIT_POLICY_ALL);
}

static size_t parameter_count(const struct ota_manifest *m)
{
	return 8u + (m->has_precursor ? 1u : 0u) + (m->name[0] ? 1u : 0u) + (m->device_id[0] ? 1u : 0u);
}

/* Keys in bytewise order of their encodings: 24 comes before -1. */
static void parameters_put(struct cbor_out *out, const struct ota_manifest *m)
{
	cbor_put_map(out, parameter_count(m));
	cbor_put_int(out, SUIT_PARAM_VENDOR);
	cbor_put_bytes(out, m->vendor_id, sizeof(m->vendor_id));
	cbor_put_int(out, SUIT_PARAM_CLASS);
	cbor_put_bytes(out, m->class_id, sizeof(m->class_id));
	cbor_put_int(out, SUIT_PARAM_DIGEST);
	cbor_put_wrapped(out, suit_digest_put, m->digest);
	cbor_put_int(out, SUIT_PARAM_SIZE);
	cbor_put_int(out, m->image_bytes);
	if (m->device_id[0]) {
		cbor_put_int(out, SUIT_PARAM_DEVICE);
		cbor_put_bytes(out, m->device_id, strlen(m->device_id));
	}
	cbor_put_int(out, SUIT_PARAM_VERSION);
	cbor_put_array(out, 3);
	for (size_t i = 0; i < 3; i++)
		cbor_put_int(out, m->version[i]);
	cbor_put_int(out, SUIT_PARAM_CHUNK_BYTES);
	cbor_put_int(out, m->chunk_bytes);
	cbor_put_int(out, SUIT_PARAM_CHUNK_DIGESTS);
	cbor_put_bytes(out, m->chunk_digests, (size_t)m->chunk_count * 32);
	cbor_put_int(out, SUIT_PARAM_ENCODING);
	cbor_put_int(out, SUIT_ENCODING_PLAIN);
	if (m->has_precursor) {
		cbor_put_int(out, SUIT_PARAM_PRECURSOR);
		cbor_put_bytes(out, m->precursor, sizeof(m->precursor));
	}
	if (m->name[0]) {
		cbor_put_int(out, SUIT_PARAM_NAME);
		cbor_put_text(out, m->name);
	}
}

static void shared_sequence_put(struct cbor_out *out, const void *arg)
{
	const struct ota_manifest *m = arg;

	cbor_put_array(out, m->device_id[0] ? 8 : 6);
	cbor_put_int(out, SUIT_DIRECTIVE_OVERRIDE);
	parameters_put(out, m);
	condition_put(out, SUIT_CONDITION_VENDOR);
	condition_put(out, SUIT_CONDITION_CLASS);
	if (m->device_id[0])
		condition_put(out, SUIT_CONDITION_DEVICE);
}

static void common_put(struct cbor_out *out, const void *arg)
{
	const uint8_t component = 0;

	cbor_put_map(out, 2);
	cbor_put_int(out, SUIT_COMMON_COMPONENTS);
	cbor_put_array(out, 1);
	cbor_put_array(out, 1);
	cbor_put_bytes(out, &component, 1);
	cbor_put_int(out, SUIT_COMMON_SEQUENCE);
	cbor_put_wrapped(out, shared_sequence_put, arg);
}

static void validate_put(struct cbor_out *out, const void *arg)
{
	(void)arg;
	cbor_put_array(out, 2);
	condition_put(out, SUIT_CONDITION_IMAGE);
}

static void invoke_put(struct cbor_out *out, const void *arg)
{
	(void)arg;
	cbor_put_array(out, 2);
	cbor_put_int(out, SUIT_DIRECTIVE_INVOKE);
	cbor_put_int(out, SUIT_POLICY_FETCH);
}

static void install_put(struct cbor_out *out, const void *arg)
{
	const struct ota_manifest *m = arg;

	cbor_put_array(out, 6);
	cbor_put_int(out, SUIT_DIRECTIVE_OVERRIDE);
	cbor_put_map(out, 1);
	cbor_put_int(out, SUIT_PARAM_URI);
	cbor_put_text(out, m->uri);
	cbor_put_int(out, SUIT_DIRECTIVE_FETCH);
	cbor_put_int(out, SUIT_POLICY_FETCH);
	condition_put(out, SUIT_CONDITION_IMAGE);
}

static void manifest_put(struct cbor_out *out, const void *arg)
{
	const struct ota_manifest *m = arg;

	cbor_put_map(out, 6);
	cbor_put_int(out, SUIT_MANIFEST_VERSION);
	cbor_put_int(out, 1);
	cbor_put_int(out, SUIT_MANIFEST_SEQUENCE);
	cbor_put_int(out, m->counter);
	cbor_put_int(out, SUIT_MANIFEST_COMMON);
	cbor_put_wrapped(out, common_put, m);
	cbor_put_int(out, SUIT_MANIFEST_VALIDATE);
	cbor_put_wrapped(out, validate_put, m);
	cbor_put_int(out, SUIT_MANIFEST_INVOKE);
	cbor_put_wrapped(out, invoke_put, m);
	cbor_put_int(out, SUIT_MANIFEST_INSTALL);
	cbor_put_wrapped(out, install_put, m);
}

/* What was written must be readable: the same code that a device runs is the judge of the members' ranges. */
static int readable_check(const struct cbor_out *out)
{
	struct ota_manifest parsed;
	struct cbor_bytes content;
	struct cbor_in in;

	cbor_read(&in, out->buf, out->len);
	content = cbor_bytes(&in);
	if (cbor_finish(&in) || ota_manifest_parse(content.data, content.len, &parsed))
		return -OTA_E_ARG;
	return 0;
}

int ota_manifest_encode(const struct ota_manifest *manifest, uint8_t *buf, size_t cap, size_t *len)
{
	struct cbor_out out = {buf, cap, 0, false};
	int error;

	if (manifest->chunk_count > OTA_MANIFEST_CHUNKS_MAX)
		return -OTA_E_MANIFEST_SIZE;
	cbor_put_wrapped(&out, manifest_put, manifest);
	if (out.overflow)
		return -OTA_E_MANIFEST_SIZE;
	error = readable_check(&out);
	if (error)
		return error;
	*len = out.len;
	return 0;
}
