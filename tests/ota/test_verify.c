/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4 examples) and ES256 (RFC 6979 A.2.5, message "sample") against published values, and everything that is not one. */
#include "test.h"

#include "fake/fake_image.h"
#include "fake/fake_trust.h"
#include "ota/verify.h"

static void hex(const char *text, uint8_t *out)
{
	for (size_t i = 0; text[2 * i]; i++) {
		char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

static void sha256_gives_published_digests(void **state)
{
	uint8_t digest[32], expected[32], block[1000];
	struct ota_sha256 sha;

	(void)state;
	hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", expected);
	ota_sha256("abc", 3, digest);
	assert_memory_equal(digest, expected, 32);
	hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", expected);
	ota_sha256(NULL, 0, digest);
	assert_memory_equal(digest, expected, 32);
	hex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", expected);
	memset(block, 'a', sizeof(block));
	ota_sha256_begin(&sha);
	for (int i = 0; i < 1000; i++)
		ota_sha256_add(&sha, block, sizeof(block));
	ota_sha256_end(&sha, digest);
	assert_memory_equal(digest, expected, 32);
}

static uint8_t key[64], hash[32], signature[64];

static int rfc6979(void **state)
{
	(void)state;
	hex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
	    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
		key);
	hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
		signature);
	ota_sha256("sample", 6, hash);
	return 0;
}

static void published_signature_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(ota_es256_verify(key, hash, signature), OTA_ACCEPTED);
}

static void any_flipped_bit_is_refused(void **state)
{
	uint8_t *const parts[] = {key, hash, signature};
	const size_t lens[] = {64, 32, 64};

	(void)state;
	for (size_t p = 0; p < COUNT(parts); p++)
		for (size_t i = 0; i < lens[p]; i++) {
			parts[p][i] ^= 0x04;
			assert_int_equal(ota_es256_verify(key, hash, signature), OTA_REFUSED);
			parts[p][i] ^= 0x04;
		}
	assert_int_equal(ota_es256_verify(key, hash, signature), OTA_ACCEPTED);
}

/* Values at the edges of what r, s and a point may be; several libraries have accepted one of these. */
static void degenerate_values_are_refused(void **state)
{
	static const char *const edges[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000001",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", /* n */
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", /* n - 1 */
		"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", /* p */
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	uint8_t forged[64], zero[64] = {0};

	(void)state;
	for (size_t r = 0; r < COUNT(edges); r++)
		for (size_t s = 0; s < COUNT(edges); s++) {
			hex(edges[r], forged);
			hex(edges[s], forged + 32);
			assert_int_equal(ota_es256_verify(key, hash, forged), OTA_REFUSED);
		}
	for (size_t half = 0; half < 2; half++)
		for (size_t e = 0; e < COUNT(edges); e++) {
			memcpy(forged, signature, 64);
			hex(edges[e], forged + 32 * half);
			assert_int_equal(ota_es256_verify(key, hash, forged), OTA_REFUSED);
		}
	assert_int_equal(ota_es256_verify(zero, hash, signature), OTA_REFUSED);
}

/* Memory that was never written must not read as yes. */
static void zeroed_verdict_is_no_acceptance(void **state)
{
	(void)state;
	assert_int_not_equal(OTA_ACCEPTED, 0);
	assert_int_not_equal(OTA_ACCEPTED, 1);
	assert_int_not_equal(OTA_ACCEPTED, -1);
	assert_int_not_equal(OTA_REFUSED, 0);
}

static void key_id_is_the_digest_of_the_point(void **state)
{
	uint8_t digest[32], kid[8];

	(void)state;
	ota_sha256(key, 64, digest);
	ota_key_id(key, kid);
	assert_memory_equal(kid, digest, 8);
}

static struct fake_image image;

static enum ota_verdict verdict_of(uint32_t threshold, const unsigned *keys_used, size_t count)
{
	struct ota_envelope envelope;
	struct ota_role role;

	fake_role_make(&role, threshold, keys_used, count);
	assert_int_equal(ota_envelope_open(image.envelope, image.envelope_len, &envelope), 0);
	return ota_envelope_verify(&envelope, &role);
}

static void envelope_needs_one_signature_by_a_trusted_key(void **state)
{
	(void)state;
	fake_image_make(&image, 1, 1, 5000);
	assert_int_equal(verdict_of(1, (unsigned[]){3, 1, 0}, 3), OTA_ACCEPTED);
	assert_int_equal(verdict_of(1, (unsigned[]){1, 2}, 2), OTA_REFUSED);
	assert_int_equal(verdict_of(1, NULL, 0), OTA_REFUSED);
	assert_int_equal(verdict_of(0, (unsigned[]){0}, 1), OTA_REFUSED);
}

static void kid_of_another_key_is_refused_though_the_signature_would_do(void **state)
{
	struct ota_envelope envelope;
	struct ota_role role;
	uint8_t bytes[OTA_SIG_STRUCTURE_MAX];
	const uint8_t foreign_kid[8] = "foreign";
	size_t len;

	(void)state;
	fake_image_make(&image, 1, 1, 5000);
	fake_role_make(&role, 1, (const unsigned[]){0}, 1);
	assert_int_equal(ota_envelope_open(image.envelope, image.envelope_len, &envelope), 0);
	ota_envelope_to_sign(envelope.digest, foreign_kid, &envelope.signatures[0], bytes, &len);
	fake_key_sign(0, bytes, len, envelope.signatures[0].rs);
	assert_int_equal(ota_envelope_verify(&envelope, &role), OTA_REFUSED);
	ota_envelope_to_sign(envelope.digest, NULL, &envelope.signatures[0], bytes, &len);
	fake_key_sign(0, bytes, len, envelope.signatures[0].rs);
	assert_int_equal(ota_envelope_verify(&envelope, &role), OTA_ACCEPTED);
}

static void second_signature_may_be_the_trusted_one(void **state)
{
	struct ota_envelope envelope;
	uint8_t bytes[OTA_SIG_STRUCTURE_MAX], two[OTA_MANIFEST_BYTES_MAX];
	size_t len;

	(void)state;
	fake_image_make(&image, 1, 1, 5000);
	assert_int_equal(ota_envelope_open(image.envelope, image.envelope_len, &envelope), 0);
	envelope.signatures[1] = envelope.signatures[0];
	envelope.signature_count = 2;
	ota_envelope_to_sign(envelope.digest, NULL, &envelope.signatures[0], bytes, &len);
	fake_key_sign(5, bytes, len, envelope.signatures[0].rs);
	assert_int_equal(ota_envelope_encode(&envelope, two, sizeof(two), &image.envelope_len), 0);
	memcpy(image.envelope, two, image.envelope_len);
	assert_int_equal(verdict_of(1, (unsigned[]){0}, 1), OTA_ACCEPTED);
	assert_int_equal(verdict_of(1, (unsigned[]){5}, 1), OTA_ACCEPTED);
	assert_int_equal(verdict_of(1, (unsigned[]){6}, 1), OTA_REFUSED);
	assert_int_equal(verdict_of(2, (unsigned[]){0, 5}, 2), OTA_ACCEPTED);
	assert_int_equal(verdict_of(2, (unsigned[]){0, 6}, 2), OTA_REFUSED);
}

/* Two signatures, one key: whoever holds one of two keys must not be able to sign for both. */
static void key_that_signed_twice_counts_once(void **state)
{
	struct ota_envelope envelope;
	uint8_t bytes[OTA_SIG_STRUCTURE_MAX];
	struct ota_role role;
	size_t len;

	(void)state;
	fake_image_make(&image, 1, 1, 5000);
	assert_int_equal(ota_envelope_open(image.envelope, image.envelope_len, &envelope), 0);
	ota_envelope_to_sign(envelope.digest, NULL, &envelope.signatures[1], bytes, &len);
	fake_key_sign(0, bytes, len, envelope.signatures[1].rs);
	envelope.signatures[2] = envelope.signatures[0];
	envelope.signature_count = 3;
	fake_role_make(&role, 2, (const unsigned[]){0, 1, 2}, 3);
	assert_int_equal(ota_envelope_verify(&envelope, &role), OTA_REFUSED);
	fake_role_make(&role, 2, (const unsigned[]){0, 0, 0}, 3); /* nor does a role that has it twice make it two */
	assert_int_equal(ota_envelope_verify(&envelope, &role), OTA_REFUSED);
	fake_role_make(&role, 1, (const unsigned[]){0, 1, 2}, 3);
	assert_int_equal(ota_envelope_verify(&envelope, &role), OTA_ACCEPTED);
}

/* The signature is over the digest: it must be the digest of the manifest that is used. */
static void manifest_exchanged_under_its_signature_is_refused(void **state)
{
	struct ota_envelope envelope, other;
	static struct fake_image image2;
	struct ota_role role;

	(void)state;
	fake_image_make(&image, 1, 1, 5000);
	fake_image_make(&image2, 1, 2, 5000);
	fake_role_make(&role, 1, (const unsigned[]){0}, 1);
	assert_int_equal(ota_envelope_open(image.envelope, image.envelope_len, &envelope), 0);
	assert_int_equal(ota_envelope_open(image2.envelope, image2.envelope_len, &other), 0);
	envelope.manifest_bstr = other.manifest_bstr;
	envelope.manifest_bstr_len = other.manifest_bstr_len;
	assert_int_equal(ota_envelope_verify(&envelope, &role), OTA_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_gives_published_digests),
		cmocka_unit_test(published_signature_is_accepted),
		cmocka_unit_test(any_flipped_bit_is_refused),
		cmocka_unit_test(degenerate_values_are_refused),
		cmocka_unit_test(zeroed_verdict_is_no_acceptance),
		cmocka_unit_test(key_id_is_the_digest_of_the_point),
		cmocka_unit_test(envelope_needs_one_signature_by_a_trusted_key),
		cmocka_unit_test(kid_of_another_key_is_refused_though_the_signature_would_do),
		cmocka_unit_test(second_signature_may_be_the_trusted_one),
		cmocka_unit_test(key_that_signed_twice_counts_once),
		cmocka_unit_test(manifest_exchanged_under_its_signature_is_refused),
	};

	return cmocka_run_group_tests(tests, rfc6979, NULL);
}
