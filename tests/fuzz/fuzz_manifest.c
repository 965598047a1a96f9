/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifest and envelope: read, written again, read again. One meaning has one encoding, so what was read must be written
 * with the very same bytes; and nobody without the key makes an envelope that is accepted.
 *
 * First byte of the input: 0, a manifest or an envelope follows; 1, the parts of a manifest that stand in byte strings,
 * with ff ff ff between them; 2, those of an envelope. The lengths of what is put together from parts are right, so
 * that a change within a part is read as such.
 */
#include "cbor.h"
#include "fake/fake_image.h"
#include "fuzz.h"
#include "ota/err.h"
#include "ota/keyset.h"
#include "ota/manifest.h"
#include "ota/verify.h"

/* Signed images; what is accepted must be one of these. */
static struct fake_image signed_images[2];
static struct ota_role release = {.threshold = 1, .key_count = 1};

static void setup(void)
{
	if (signed_images[0].envelope_len > 0)
		return;
	fake_key_public(0, release.keys[0]);
	fake_image_make(&signed_images[0], 1, 1, 30000);
	fake_image_make(&signed_images[1], 7, 2, 4096);
}

static bool is_text(const char *text, size_t cap)
{
	return memchr(text, '\0', cap) != NULL;
}

static void chunks_check(const struct ota_manifest *m, const uint8_t *data, size_t len)
{
	uint64_t bytes = 0;

	FUZZ_MUST(m->chunk_count > 0 && m->chunk_count <= OTA_MANIFEST_CHUNKS_MAX);
	FUZZ_MUST(m->chunk_digests >= data && m->chunk_digests + (size_t)m->chunk_count * 32 <= data + len);
	for (uint32_t i = 0; i < m->chunk_count; i++) {
		uint32_t chunk = ota_manifest_chunk_len(m, i);

		FUZZ_MUST(chunk > 0 && chunk <= m->chunk_bytes);
		bytes += chunk;
	}
	FUZZ_MUST(bytes == m->image_bytes);
}

static void manifest_check(const uint8_t *data, size_t len)
{
	static uint8_t again[OTA_MANIFEST_BYTES_MAX + 16];
	struct ota_manifest m;
	size_t again_len;
	int error = ota_manifest_parse(data, len, &m);

	FUZZ_MUST(error == 0 || error == -OTA_E_FORMAT || error == -OTA_E_UNSUPPORTED);
	if (error)
		return;
	FUZZ_MUST(is_text(m.name, sizeof(m.name)) && is_text(m.device_id, sizeof(m.device_id)));
	FUZZ_MUST(is_text(m.uri, sizeof(m.uri)) && m.uri[0] != '\0');
	FUZZ_MUST(m.version[0] <= UINT16_MAX && m.version[1] <= UINT16_MAX);
	chunks_check(&m, data, len);
	FUZZ_MUST(ota_manifest_encode(&m, again, sizeof(again), &again_len) == 0);
	FUZZ_MUST(again_len > len && memcmp(again + again_len - len, data, len) == 0);
}

static void accepted_check(const struct ota_envelope *envelope)
{
	for (size_t i = 0; i < 2; i++) {
		struct ota_envelope known;

		FUZZ_MUST(ota_envelope_open(signed_images[i].envelope, signed_images[i].envelope_len, &known) == 0);
		if (known.manifest_len == envelope->manifest_len &&
			memcmp(known.manifest, envelope->manifest, known.manifest_len) == 0)
			return;
	}
	FUZZ_MUST(!"accepted, though nobody signed it");
}

static void again_check(const struct ota_envelope *envelope)
{
	static uint8_t again[OTA_MANIFEST_BYTES_MAX];
	struct ota_envelope second;
	size_t len;

	/* Without the tag that may be left out, an envelope at the limit is a few bytes too long with it. */
	if (ota_envelope_encode(envelope, again, sizeof(again), &len) != 0) {
		FUZZ_MUST(envelope->manifest_bstr_len > OTA_MANIFEST_BYTES_MAX - 1024);
		return;
	}
	FUZZ_MUST(ota_envelope_open(again, len, &second) == 0);
	FUZZ_MUST(second.manifest_bstr_len == envelope->manifest_bstr_len);
	FUZZ_MUST(memcmp(second.manifest_bstr, envelope->manifest_bstr, second.manifest_bstr_len) == 0);
	FUZZ_MUST(memcmp(second.digest, envelope->digest, sizeof(second.digest)) == 0);
	FUZZ_MUST(second.signature_count == envelope->signature_count);
	for (size_t i = 0; i < second.signature_count; i++) {
		const struct ota_signature *a = &envelope->signatures[i], *b = &second.signatures[i];

		FUZZ_MUST(a->protected_len == b->protected_len && a->has_kid == b->has_kid);
		FUZZ_MUST(memcmp(a->protected_header, b->protected_header, a->protected_len) == 0);
		FUZZ_MUST(memcmp(a->rs, b->rs, sizeof(a->rs)) == 0);
	}
}

static void envelope_check(const uint8_t *data, size_t len)
{
	struct ota_envelope envelope;
	int error = ota_envelope_open(data, len, &envelope);

	FUZZ_MUST(error == 0 || error == -OTA_E_FORMAT || error == -OTA_E_UNSUPPORTED || error == -OTA_E_MANIFEST_SIZE);
	if (error)
		return;
	FUZZ_MUST(envelope.manifest >= data && envelope.manifest + envelope.manifest_len == data + len);
	FUZZ_MUST(envelope.signature_count <= OTA_SIGNATURES_MAX);
	again_check(&envelope);
	if (ota_envelope_verify(&envelope, &release) == OTA_ACCEPTED)
		accepted_check(&envelope);
	manifest_check(envelope.manifest, envelope.manifest_len);
}

/* ---- from parts ---- */

static uint8_t built[4 * OTA_MANIFEST_BYTES_MAX];

struct parts {
	struct fuzz_in in[4];
};

/* Separated, not counted, so that a part may grow. */
static void parts_take(struct fuzz_in *in, struct parts *parts)
{
	static const uint8_t separator[] = {0xff, 0xff, 0xff};

	for (size_t i = 0; i < 4; i++) {
		const uint8_t *end = in->left > 0 ? memmem(in->at, in->left, separator, sizeof(separator)) : NULL;
		size_t len = end ? (size_t)(end - in->at) : in->left;

		parts->in[i] = (struct fuzz_in){in->at, len};
		len += end ? sizeof(separator) : 0;
		in->at += len;
		in->left -= len;
	}
}

static void part_put(struct cbor_out *out, const void *part)
{
	const struct fuzz_in *in = part;

	cbor_put_raw(out, in->at, in->left);
}

/* {2: [[h'00']], 4: bstr .cbor shared sequence} */
static void common_put(struct cbor_out *out, const void *part)
{
	static const uint8_t head[] = {0xa2, 0x02, 0x81, 0x81, 0x41, 0x00, 0x04};

	cbor_put_raw(out, head, sizeof(head));
	cbor_put_wrapped(out, part_put, part);
}

/* Shared sequence, validate, invoke, install. */
static void manifest_from_parts(struct fuzz_in *in)
{
	static const int keys[] = {3, 7, 9, 20};
	struct cbor_out out = {built, sizeof(built), 0, false};
	uint32_t sequence = fuzz_u32(in);
	struct parts parts;

	parts_take(in, &parts);
	cbor_put_map(&out, 6);
	cbor_put_int(&out, 1);
	cbor_put_int(&out, 1);
	cbor_put_int(&out, 2);
	cbor_put_int(&out, sequence);
	for (size_t i = 0; i < 4; i++) {
		cbor_put_int(&out, keys[i]);
		cbor_put_wrapped(&out, i == 0 ? common_put : part_put, &parts.in[i]);
	}
	FUZZ_MUST(!out.overflow);
	manifest_check(built, out.len);
}

/* COSE_Sign1: the protected header in its byte string, and the rest. */
static void sign1_put(struct cbor_out *out, const void *part)
{
	const struct fuzz_in *protected = part;

	cbor_put_tag(out, 18);
	cbor_put_array(out, 4);
	cbor_put_wrapped(out, part_put, protected);
	part_put(out, protected + 1);
}

/* [bstr .cbor digest, bstr .cbor COSE_Sign1] */
static void auth_put(struct cbor_out *out, const void *part)
{
	const struct fuzz_in *digest = part;

	cbor_put_array(out, 2);
	cbor_put_wrapped(out, part_put, digest);
	cbor_put_wrapped(out, sign1_put, digest + 1);
}

/* Digest, protected header, rest of the signature, manifest. */
static void envelope_from_parts(struct fuzz_in *in)
{
	struct cbor_out out = {built, sizeof(built), 0, false};
	struct parts parts;

	parts_take(in, &parts);
	cbor_put_tag(&out, 107);
	cbor_put_map(&out, 2);
	cbor_put_int(&out, 2);
	cbor_put_wrapped(&out, auth_put, parts.in);
	cbor_put_int(&out, 3);
	cbor_put_wrapped(&out, part_put, &parts.in[3]);
	FUZZ_MUST(!out.overflow);
	envelope_check(built, out.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};

	setup();
	switch (fuzz_u8(&in) % 3) {
	case 0:
		manifest_check(in.at, in.left);
		envelope_check(in.at, in.left);
		break;
	case 1:
		manifest_from_parts(&in);
		break;
	default:
		envelope_from_parts(&in);
	}
	return 0;
}
