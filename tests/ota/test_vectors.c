/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The example manifests of draft-ietf-suit-manifest, which others made. They lie beside the project, not in it; where
 * they are absent this test says so and is skipped. All signatures must hold; the strict subset takes none of the
 * manifests as they stand, since none has the parameters that an update needs here, and must say "unsupported", not
 * "malformed". Completed with those parameters and nothing else changed, it is read, field by field.
 */
#include "test.h"

#include <ctype.h>
#include <stdio.h>

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>

#include "cbor.h"
#include "ota/keyset.h"
#include "ota/verify.h"

enum { SKIPPED = 77, EXAMPLES = 6 };

static char folder[512];
static struct ota_role role = {.threshold = 1, .key_count = 1};

static char *file_text(const char *name)
{
	static char text[65536];
	char path[600];
	FILE *file;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	len = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[len] = '\0';
	return text;
}

static int key_load(void **state)
{
	const char *pem = file_text("public_key.pem");
	mbedtls_pk_context pk;
	uint8_t point[65];
	size_t len;

	(void)state;
	assert_non_null(pem);
	mbedtls_pk_init(&pk);
	assert_int_equal(mbedtls_pk_parse_public_key(&pk, (const unsigned char *)pem, strlen(pem) + 1), 0);
	assert_int_equal(mbedtls_ecp_write_public_key(
				 mbedtls_pk_ec(pk), MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point, sizeof(point)),
		0);
	memcpy(role.keys[0], point + 1, 64);
	mbedtls_pk_free(&pk);
	return 0;
}

/* The next envelope in hexadecimal at or after `*at`: a block between tildes that begins with tag 107. 0: no more. */
static size_t envelope_next(const char **at, uint8_t *out, size_t cap)
{
	char digits[3] = "";
	size_t len = 0;

	*at = strstr(*at, "~~~\nd86b");
	if (!*at)
		return 0;
	for (*at += 4; **at != '~'; (*at)++) {
		if (!isxdigit((unsigned char)**at))
			continue;
		digits[strlen(digits) + 1] = '\0';
		digits[strlen(digits)] = **at;
		if (digits[1]) {
			assert_true(len < cap);
			out[len++] = (uint8_t)strtoul(digits, NULL, 16);
			digits[0] = digits[1] = '\0';
		}
	}
	return len;
}

static enum ota_verdict verdict_of(const struct ota_envelope *envelope)
{
	return ota_envelope_verify(envelope, &role);
}

struct counts {
	unsigned signatures, accepted, refused, misread;
};

static void read_as_is(const struct ota_envelope *envelope, struct counts *counts)
{
	static const struct ota_manifest nothing;
	struct ota_manifest manifest;
	int error = ota_manifest_parse(envelope->manifest, envelope->manifest_len, &manifest);

	if (error == 0)
		counts->accepted++;
	else if (error == -OTA_E_UNSUPPORTED && memcmp(&manifest, &nothing, sizeof(nothing)) == 0)
		counts->refused++;
	else
		counts->misread++;
}

/* The digest that the envelope claims is that of its manifest; a signature, if there is one, is by the published key and over it. */
static void signature_check(struct ota_envelope *envelope, struct counts *counts)
{
	uint8_t digest[32];

	ota_sha256(envelope->manifest_bstr, envelope->manifest_bstr_len, digest);
	assert_memory_equal(digest, envelope->digest, sizeof(digest));
	assert_true(envelope->signature_count <= 1);
	assert_int_equal(verdict_of(envelope), envelope->signature_count ? OTA_ACCEPTED : OTA_REFUSED);
	counts->signatures += (unsigned)envelope->signature_count;
	envelope->signatures[0].rs[63] ^= 1;
	assert_int_equal(verdict_of(envelope), OTA_REFUSED);
	envelope->signatures[0].rs[63] ^= 1;
	envelope->digest[0] ^= 1;
	assert_int_equal(verdict_of(envelope), OTA_REFUSED);
	envelope->digest[0] ^= 1;
}

/* Without the members that were severed from the manifest and lie behind it: tag, map of two, as the unsevered ones. */
static size_t severed_cut(uint8_t *bytes, size_t len)
{
	struct ota_envelope envelope;

	bytes[2] = 0xa2;
	while (len > 0 && ota_envelope_open(bytes, len, &envelope) != 0)
		len--;
	assert_true(len > 0);
	return len;
}

static void envelope_check(uint8_t *bytes, size_t len, struct counts *counts)
{
	bool severed = bytes[2] != 0xa2;
	struct ota_envelope envelope;

	if (severed) {
		assert_int_equal(ota_envelope_open(bytes, len, &envelope), -OTA_E_UNSUPPORTED);
		len = severed_cut(bytes, len);
	}
	assert_int_equal(ota_envelope_open(bytes, len, &envelope), 0);
	signature_check(&envelope, counts);
	read_as_is(&envelope, counts);
	bytes[len - 1] ^= 1; /* of the manifest, under its digest and signature */
	assert_int_equal(verdict_of(&envelope), OTA_REFUSED);
}

static void examples_are_never_misread(void **state)
{
	struct counts counts = {0};

	(void)state;
	for (int example = 0; example < EXAMPLES; example++) {
		uint8_t bytes[4096];
		char name[32];
		const char *at;
		size_t len;

		(void)snprintf(name, sizeof(name), "example%d.txt", example);
		at = file_text(name);
		assert_non_null(at);
		while ((len = envelope_next(&at, bytes, sizeof(bytes))) > 0)
			envelope_check(bytes, len, &counts);
	}
	printf("vectors: suit %u accepted, %u refused as not supported, %u misread; %u signatures hold\n",
		counts.accepted, counts.refused, counts.misread, counts.signatures);
	assert_int_equal(counts.signatures, 7);
	assert_int_equal(counts.accepted + counts.refused, 13);
	assert_int_equal(counts.misread, 0);
	assert_int_equal(counts.accepted, 0);
}

/* The part of the first signed envelope of example `n` that begins with `from` and is `len` long. */
static void part_put(struct cbor_out *out, int n, const char *from, size_t from_len, size_t len)
{
	uint8_t bytes[4096];
	char name[32];
	const char *at;
	size_t total;

	(void)snprintf(name, sizeof(name), "example%d.txt", n);
	at = file_text(name);
	assert_non_null(at);
	total = envelope_next(&at, bytes, sizeof(bytes));
	for (size_t i = 0; i + len <= total; i++)
		if (memcmp(bytes + i, from, from_len) == 0) {
			cbor_put_raw(out, bytes + i, len);
			return;
		}
	fail_msg("example %d has no such part", n);
}

enum { PARAMETERS = 79 }; /* the bytes of example 1's four, from the vendor's key to the size */

/* Its command sequence, with the subset's own four parameters behind the draft's four. */
static void sequence_put(struct cbor_out *out, const void *chunk_digest)
{
	static const uint32_t version[3] = {1, 2, 3};

	cbor_put_raw(out, "\x86\x14", 2);
	cbor_put_map(out, 8);
	part_put(out, 1, "\x01\x50\xfa\x6b", 4, PARAMETERS);
	cbor_put_int(out, -1);
	cbor_put_array(out, 3);
	for (size_t i = 0; i < COUNT(version); i++)
		cbor_put_int(out, version[i]);
	cbor_put_int(out, -2);
	cbor_put_int(out, 65536);
	cbor_put_int(out, -3);
	cbor_put_bytes(out, chunk_digest, 32);
	cbor_put_int(out, -4);
	cbor_put_int(out, 0);
	part_put(out, 1, "\x01\x0f\x02\x0f", 4, 4);
}

static void common_put(struct cbor_out *out, const void *chunk_digest)
{
	part_put(out, 1, "\xa2\x02\x81\x81\x41\x00\x04", 7, 7);
	cbor_put_wrapped(out, sequence_put, chunk_digest);
}

/* What example 1 says, in the words of its diagnostic form. */
static void assert_is_example_1(const struct ota_manifest *manifest)
{
	static const uint8_t vendor[16] = {0xfa, 0x6b, 0x4a, 0x53, 0xd5, 0xad, 0x5f, 0xdf, 0xbe, 0x9d, 0xe6, 0x63, 0xe4,
		0xd4, 0x1f, 0xfe},
			     class[16] = {0x14, 0x92, 0xaf, 0x14, 0x25, 0x69, 0x5e, 0x48, 0xbf, 0x42, 0x9b, 0x2d, 0x51,
				     0xf2, 0xab, 0x45},
			     digest[32] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc,
				     0xdd, 0xee, 0xff, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba,
				     0x98, 0x76, 0x54, 0x32, 0x10};

	assert_int_equal(manifest->counter, 1);
	assert_memory_equal(manifest->vendor_id, vendor, sizeof(vendor));
	assert_memory_equal(manifest->class_id, class, sizeof(class));
	assert_memory_equal(manifest->digest, digest, sizeof(digest));
	assert_int_equal(manifest->image_bytes, 34768);
	assert_string_equal(manifest->uri, "http://example.com/file.bin");
	assert_string_equal(manifest->device_id, "");
	assert_string_equal(manifest->name, "");
	assert_false(manifest->has_precursor);
}

/* Examples 0 and 1 share all but the invoke and the install section; both together and the subset's parameters are a manifest for here. */
static void completed_example_is_read_field_by_field(void **state)
{
	uint8_t bytes[1024], chunk_digest[32];
	struct cbor_out out = {bytes, sizeof(bytes), 0, false};
	struct ota_manifest manifest;

	(void)state;
	memset(chunk_digest, 0x5a, sizeof(chunk_digest));
	cbor_put_map(&out, 6);
	part_put(&out, 1, "\x01\x01\x02\x01\x03", 5, 5);
	cbor_put_wrapped(&out, common_put, chunk_digest);
	part_put(&out, 1, "\x07\x43\x82\x03\x0f", 5, 5);
	part_put(&out, 0, "\x09\x43\x82\x17\x02", 5, 5);
	part_put(&out, 1, "\x14\x58\x25\x86\x14", 5, 40);
	assert_false(out.overflow);
	assert_int_equal(ota_manifest_parse(bytes, out.len, &manifest), 0);
	assert_is_example_1(&manifest);
	assert_int_equal(manifest.version[0] * 100 + manifest.version[1] * 10 + manifest.version[2], 123);
	assert_int_equal(manifest.chunk_bytes, 65536);
	assert_int_equal(manifest.chunk_count, 1);
	assert_memory_equal(manifest.chunk_digests, chunk_digest, sizeof(chunk_digest));
	printf("vectors: suit example 1, completed to the subset: 1 accepted, 0 misread\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_are_never_misread),
		cmocka_unit_test(completed_example_is_read_field_by_field),
	};

	(void)snprintf(folder, sizeof(folder), "%s", argc > 1 ? argv[1] : ".");
	if (!file_text("public_key.pem")) {
		printf("SUIT vectors: absent, there is no %s\n", folder);
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, key_load, NULL);
}
