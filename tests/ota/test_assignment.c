/* SPDX-License-Identifier: Apache-2.0 */
/* The assignment's bytes and its signature (SPEC §11). Whether one is accepted also depends on what was before: test_trust.c. */
#include "test.h"

#include "fake/fake_image.h"
#include "fake/fake_trust.h"

static struct fake_assignment one;
static struct ota_role fleet;
static const uint8_t digest[32] = "digest-digest-digest-digest-dig";
static const unsigned fleet_key[] = {FAKE_FLEET};

static int assignment_up(void **state)
{
	(void)state;
	fake_assignment_make(&one, digest, 7);
	fake_role_make(&fleet, 1, fleet_key, 1);
	return 0;
}

/* In memory of its own, so that the sanitizer sees a byte too many. */
static int open_exact(const uint8_t *bytes, size_t len, enum ota_verdict *verdict)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct ota_assignment assignment;
	struct ota_signed parts;
	int error;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	error = ota_assignment_open(copy, len, &parts, &assignment);
	*verdict = error ? OTA_REFUSED : ota_signed_verify(&parts, &fleet);
	free(copy);
	return error;
}

static void assert_survives(struct fake_assignment *assignment)
{
	struct ota_assignment read;
	struct ota_signed parts;

	fake_assignment_sign(assignment, fleet_key, 1);
	assert_int_equal(ota_assignment_open(assignment->envelope, assignment->len, &parts, &read), 0);
	assert_memory_equal(&read, &assignment->says, sizeof(read));
	assert_int_equal(ota_signed_verify(&parts, &fleet), OTA_ACCEPTED);
}

static void every_member_survives(void **state)
{
	struct fake_assignment a = one;

	(void)state;
	assert_survives(&a);
	a.says.sequence = UINT64_MAX;
	a.says.keyset_version = UINT32_MAX;
	a.says.issued_s = 0;
	a.says.expires_s = INT64_MAX;
	memset(a.says.device_id, 'x', OTA_DEVICE_ID_MAX - 1);
	memset(a.says.nonce, 'n', sizeof(a.says.nonce));
	a.says.nonce_len = sizeof(a.says.nonce);
	assert_survives(&a);
	a.says.scope = OTA_SCOPE_CLASS;
	memset(a.says.device_id, 0, sizeof(a.says.device_id));
	memcpy(a.says.class_id, fake_class_id, 16);
	assert_survives(&a);
	a.says.has_digest = false;
	memset(a.says.digest, 0, sizeof(a.says.digest));
	assert_survives(&a);
}

static void every_flipped_bit_is_refused(void **state)
{
	uint8_t bytes[OTA_ASSIGNMENT_BYTES_MAX];
	enum ota_verdict verdict;
	size_t opened = 0;

	(void)state;
	for (size_t bit = 0; bit < one.len * 8; bit++) {
		memcpy(bytes, one.envelope, one.len);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		opened += open_exact(bytes, one.len, &verdict) == 0;
		assert_int_equal(verdict, OTA_REFUSED);
	}
	assert_true(opened > 0);
	assert_int_equal(open_exact(one.envelope, one.len, &verdict), 0);
	assert_int_equal(verdict, OTA_ACCEPTED);
}

static void every_prefix_and_every_tail_is_refused(void **state)
{
	uint8_t bytes[OTA_ASSIGNMENT_BYTES_MAX + 1] = {0};
	enum ota_verdict verdict;

	(void)state;
	for (size_t len = 0; len < one.len; len++)
		assert_int_not_equal(open_exact(one.envelope, len, &verdict), 0);
	memcpy(bytes, one.envelope, one.len);
	assert_int_equal(open_exact(bytes, one.len + 1, &verdict), -OTA_E_FORMAT);
	assert_int_equal(open_exact(bytes, sizeof(bytes), &verdict), -OTA_E_TOO_LONG);
}

static void threshold_counts_distinct_keys(void **state)
{
	struct fake_assignment a = one;
	enum ota_verdict verdict;
	struct ota_assignment read;
	struct ota_signed parts;
	struct ota_role role;

	(void)state;
	fake_role_make(&role, 2, (const unsigned[]){60, 61, 62}, 3);
	fake_assignment_sign(&a, (const unsigned[]){60, 60, 60, 60}, 4);
	assert_int_equal(ota_assignment_open(a.envelope, a.len, &parts, &read), 0);
	assert_int_equal(ota_signed_verify(&parts, &role), OTA_REFUSED);
	fake_assignment_sign(&a, (const unsigned[]){60, 62}, 2);
	assert_int_equal(ota_assignment_open(a.envelope, a.len, &parts, &read), 0);
	assert_int_equal(ota_signed_verify(&parts, &role), OTA_ACCEPTED);
	fake_assignment_sign(&a, (const unsigned[]){FAKE_RELEASE}, 1);
	assert_int_equal(open_exact(a.envelope, a.len, &verdict), 0);
	assert_int_equal(verdict, OTA_REFUSED);
	role.threshold = 0; /* no such role comes out of a keyset; if it did, it would trust nobody */
	assert_int_equal(ota_signed_verify(&parts, &role), OTA_REFUSED);
}

/* What the fleet key signed as a keyset or as a manifest is no assignment, and an assignment's signature is none of theirs. */
static void signature_of_another_kind_is_refused(void **state)
{
	uint8_t to_sign[OTA_SIG_STRUCTURE_MAX];
	struct ota_assignment read;
	struct ota_envelope manifest = {.signature_count = 1};
	struct ota_signed parts;
	size_t len;

	(void)state;
	assert_int_equal(ota_assignment_open(one.envelope, one.len, &parts, &read), 0);
	manifest.manifest_bstr = parts.body_bstr;
	manifest.manifest_bstr_len = parts.body_bstr_len;
	memcpy(manifest.digest, parts.digest, sizeof(manifest.digest));
	manifest.signatures[0] = parts.signatures[0];
	assert_int_equal(ota_envelope_verify(&manifest, &fleet), OTA_REFUSED);
	parts.kind = OTA_SIGNED_KEYSET;
	assert_int_equal(ota_signed_verify(&parts, &fleet), OTA_REFUSED);
	parts.kind = OTA_SIGNED_ASSIGNMENT;
	ota_envelope_to_sign(parts.digest, NULL, &parts.signatures[0], to_sign, &len);
	fake_key_sign(FAKE_FLEET, to_sign, len, parts.signatures[0].rs);
	assert_int_equal(ota_signed_verify(&parts, &fleet), OTA_REFUSED);
	len = ota_signed_to_sign(OTA_SIGNED_KEYSET, parts.digest, NULL, &parts.signatures[0], to_sign);
	fake_key_sign(FAKE_FLEET, to_sign, len, parts.signatures[0].rs);
	assert_int_equal(ota_signed_verify(&parts, &fleet), OTA_REFUSED);
}

static void out_of_range_is_not_encoded(void **state)
{
	uint8_t buf[OTA_ASSIGNMENT_BYTES_MAX];
	struct ota_assignment a;
	size_t len;

	(void)state;
#define REFUSED(change)                                                                                                \
	a = one.says;                                                                                                  \
	change;                                                                                                        \
	assert_int_equal(ota_assignment_encode(&a, buf, sizeof(buf), &len), -OTA_E_ARG)
	REFUSED(a.keyset_version = 0);
	REFUSED(a.sequence = 0);
	REFUSED(a.expires_s = a.issued_s);
	REFUSED(a.expires_s = (uint64_t)INT64_MAX + 1);
	REFUSED(a.scope = (enum ota_scope)0);
	REFUSED(a.scope = (enum ota_scope)3);
	REFUSED(a.device_id[0] = '\0');
	REFUSED(memset(a.digest, 0, 32));
	REFUSED(a.nonce_len = OTA_ASSIGNMENT_NONCE_MAX + 1);
#undef REFUSED
	assert_int_equal(ota_assignment_encode(&one.says, buf, 20, &len), -OTA_E_TOO_LONG);
}

static int body_opens(const uint8_t *body, size_t body_len)
{
	uint8_t bstr[OTA_ASSIGNMENT_BYTES_MAX], envelope[OTA_ASSIGNMENT_BYTES_MAX];
	struct ota_signed parts = {.kind = OTA_SIGNED_ASSIGNMENT, .body_bstr = bstr, .body_bstr_len = 1 + body_len};
	enum ota_verdict verdict;
	size_t len;

	assert_in_range(body_len, 1, 23);
	bstr[0] = (uint8_t)(0x40 + body_len);
	memcpy(bstr + 1, body, body_len);
	fake_body_sign(&parts, fleet_key, 1);
	assert_int_equal(ota_signed_encode(&parts, envelope, sizeof(envelope), &len), 0);
	return open_exact(envelope, len, &verdict);
}

/* Signed by the fleet key all of them: only the reader stands in their way. */
static void body_that_is_not_exactly_this_is_refused(void **state)
{
	/* format, keyset 1, sequence 2, issued 3, expires 9, scope [1, 'd'], digest nil, nonce 'n' */
	static const uint8_t good[] = {
		0xa8, 1, 1, 2, 1, 3, 2, 4, 3, 5, 9, 6, 0x82, 1, 0x41, 'd', 7, 0xf6, 8, 0x41, 'n'};
	static const struct {
		size_t at;
		uint8_t byte;
		int error;
	} changes[] = {
		{2, 2, OTA_E_UNSUPPORTED},     /* format */
		{4, 0, OTA_E_FORMAT},          /* keyset 0 */
		{6, 0, OTA_E_FORMAT},          /* sequence 0 */
		{8, 9, OTA_E_FORMAT},          /* issued when it expires */
		{10, 0x20, OTA_E_FORMAT},      /* -1 */
		{13, 0, OTA_E_UNSUPPORTED},    /* scope 0 */
		{13, 2, OTA_E_FORMAT},         /* a class id of one byte */
		{13, 3, OTA_E_UNSUPPORTED},    /* scope 3 */
		{15, 0, OTA_E_FORMAT},         /* a device id that ends early */
		{3, 1, OTA_E_FORMAT},          /* keys out of order */
		{18, 9, OTA_E_UNSUPPORTED},    /* another member */
		{17, 0xf7, OTA_E_UNSUPPORTED}, /* undefined is not nil */
		{0, 0xbf, OTA_E_UNSUPPORTED},  /* a map without an end */
		{19, 0x61, OTA_E_FORMAT},      /* a text for a nonce */
	};
	uint8_t body[sizeof(good) + 1];

	(void)state;
	assert_int_equal(body_opens(good, sizeof(good)), 0);
	for (size_t i = 0; i < COUNT(changes); i++) {
		memcpy(body, good, sizeof(good));
		body[changes[i].at] = changes[i].byte;
		assert_int_equal(body_opens(body, sizeof(good)), -changes[i].error);
	}
	memcpy(body, good, sizeof(good));
	body[sizeof(good)] = 0;
	assert_int_equal(body_opens(body, sizeof(body)), -OTA_E_FORMAT);
	memcpy(body, good, 6); /* sequence 2 in a byte too many */
	body[6] = 0x18;
	memcpy(body + 7, good + 6, sizeof(good) - 6);
	assert_int_equal(body_opens(body, sizeof(body)), -OTA_E_FORMAT);
	memcpy(body, good, sizeof(good)); /* an empty nonce */
	body[19] = 0x40;
	assert_int_equal(body_opens(body, sizeof(good) - 1), -OTA_E_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_survives),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_prefix_and_every_tail_is_refused),
		cmocka_unit_test(threshold_counts_distinct_keys),
		cmocka_unit_test(signature_of_another_kind_is_refused),
		cmocka_unit_test(out_of_range_is_not_encoded),
		cmocka_unit_test(body_that_is_not_exactly_this_is_refused),
	};

	return cmocka_run_group_tests(tests, assignment_up, NULL);
}
