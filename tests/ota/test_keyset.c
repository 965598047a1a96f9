/* SPDX-License-Identifier: Apache-2.0 */
/* The keyset's bytes and who signed them (SPEC §11): what is written is read back, anything else is refused; thresholds count keys. */
#include "test.h"

#include "fake/fake_image.h"
#include "fake/fake_trust.h"

static struct fake_keyset first;
static const unsigned two_roots[] = {FAKE_ROOT, FAKE_ROOT + 1};

static int keyset_up(void **state)
{
	(void)state;
	fake_keyset_make(&first, 1);
	return 0;
}

/* In memory of its own, so that the sanitizer sees a byte too many. Opened, and accepted by its own roots. */
static int open_exact(const uint8_t *bytes, size_t len, enum ota_verdict *verdict)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct ota_signed parts;
	struct ota_keyset keyset;
	int error;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	error = ota_keyset_open(copy, len, &parts, &keyset);
	*verdict = error ? OTA_REFUSED : ota_keyset_verify(&parts, &keyset);
	free(copy);
	return error;
}

static enum ota_verdict verdict_of(const struct fake_keyset *keyset)
{
	enum ota_verdict verdict;

	assert_int_equal(open_exact(keyset->envelope, keyset->len, &verdict), 0);
	return verdict;
}

static enum ota_verdict next_verdict(const struct fake_keyset *held, const struct fake_keyset *next)
{
	struct ota_signed parts;
	struct ota_keyset keyset;

	assert_int_equal(ota_keyset_open(next->envelope, next->len, &parts, &keyset), 0);
	return ota_keyset_verify_next(&held->keyset, &parts, &keyset);
}

static void every_member_survives(void **state)
{
	static const unsigned roots[] = {40, 41, 42, 43, 44}, releases[] = {0, 1, 2, 3}, fleets[] = {60, 61, 62, 63};
	static struct fake_keyset full;
	struct ota_signed parts;
	struct ota_keyset read;

	(void)state;
	full.keyset.version = UINT32_MAX;
	full.keyset.issued_s = INT64_MAX;
	fake_role_make(&full.keyset.root, 5, roots, 5);
	fake_role_make(&full.keyset.release, 3, releases, 4);
	fake_role_make(&full.keyset.fleet, 2, fleets, 4);
	fake_keyset_sign(&full, roots, 5);
	assert_int_equal(ota_keyset_open(full.envelope, full.len, &parts, &read), 0);
	assert_int_equal(parts.signature_count, 5);
	assert_memory_equal(&read, &full.keyset, sizeof(read));
	assert_int_equal(ota_keyset_verify(&parts, &read), OTA_ACCEPTED);
}

static void every_flipped_bit_is_refused(void **state)
{
	uint8_t bytes[OTA_KEYSET_BYTES_MAX];
	enum ota_verdict verdict;
	size_t opened = 0;

	(void)state;
	for (size_t bit = 0; bit < first.len * 8; bit++) {
		memcpy(bytes, first.envelope, first.len);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		opened += open_exact(bytes, first.len, &verdict) == 0;
		assert_int_equal(verdict, OTA_REFUSED);
	}
	assert_true(opened > 0);
	assert_int_equal(verdict_of(&first), OTA_ACCEPTED);
}

static void every_prefix_and_every_tail_is_refused(void **state)
{
	uint8_t bytes[OTA_KEYSET_BYTES_MAX + 1] = {0};
	enum ota_verdict verdict;

	(void)state;
	for (size_t len = 0; len < first.len; len++)
		assert_int_not_equal(open_exact(first.envelope, len, &verdict), 0);
	memcpy(bytes, first.envelope, first.len);
	assert_int_equal(open_exact(bytes, first.len + 1, &verdict), -OTA_E_FORMAT);
	assert_int_equal(open_exact(bytes, sizeof(bytes), &verdict), -OTA_E_TOO_LONG);
}

static void threshold_counts_distinct_roots(void **state)
{
	static struct fake_keyset keyset;

	(void)state;
	fake_keyset_make(&keyset, 1);
	fake_keyset_sign(&keyset, (const unsigned[]){FAKE_ROOT}, 1);
	assert_int_equal(verdict_of(&keyset), OTA_REFUSED);
	fake_keyset_sign(&keyset, (const unsigned[]){FAKE_ROOT, FAKE_ROOT, FAKE_ROOT}, 3);
	assert_int_equal(verdict_of(&keyset), OTA_REFUSED);
	fake_keyset_sign(&keyset, (const unsigned[]){FAKE_ROOT, FAKE_RELEASE, FAKE_FLEET}, 3);
	assert_int_equal(verdict_of(&keyset), OTA_REFUSED);
	fake_keyset_sign(&keyset, (const unsigned[]){FAKE_RELEASE, FAKE_ROOT, FAKE_ROOT, FAKE_ROOT + 2}, 4);
	assert_int_equal(verdict_of(&keyset), OTA_ACCEPTED);
}

/* Old and new roots overlap in one key here: it may count for both, but two of each are asked for. */
static void next_one_needs_a_threshold_of_old_and_of_new_roots(void **state)
{
	static struct fake_keyset next;

	(void)state;
	fake_keyset_make(&next, 2);
	fake_role_make(&next.keyset.root, 2, (const unsigned[]){FAKE_ROOT, 50, 51}, 3);
	fake_keyset_sign(&next, two_roots, 2);
	assert_int_equal(next_verdict(&first, &next), OTA_REFUSED);
	fake_keyset_sign(&next, (const unsigned[]){FAKE_ROOT, 50}, 2);
	assert_int_equal(next_verdict(&first, &next), OTA_REFUSED);
	fake_keyset_sign(&next, (const unsigned[]){50, 51}, 2);
	assert_int_equal(next_verdict(&first, &next), OTA_REFUSED);
	fake_keyset_sign(&next, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1, 50}, 3);
	assert_int_equal(next_verdict(&first, &next), OTA_ACCEPTED);
}

static void only_the_very_next_version_is_next(void **state)
{
	static const uint32_t others[] = {1, 3, UINT32_MAX};
	static struct fake_keyset other, last;

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		fake_keyset_make(&other, others[i]);
		assert_int_equal(next_verdict(&first, &other), OTA_REFUSED);
	}
	fake_keyset_make(&other, 2);
	assert_int_equal(next_verdict(&first, &other), OTA_ACCEPTED);
	last = first;
	last.keyset.version = UINT32_MAX; /* after it comes none, not 1 again */
	assert_int_equal(next_verdict(&last, &first), OTA_REFUSED);
}

/* Signed by the right keys, as a manifest and as an assignment: none of them is a keyset's signature. */
static void signature_of_another_kind_is_refused(void **state)
{
	uint8_t to_sign[OTA_SIG_STRUCTURE_MAX];
	struct ota_keyset keyset;
	struct ota_signed parts;
	size_t len;

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		assert_int_equal(ota_keyset_open(first.envelope, first.len, &parts, &keyset), 0);
		for (size_t i = 0; i < 2; i++) {
			if (kind == 0)
				ota_envelope_to_sign(parts.digest, NULL, &parts.signatures[i], to_sign, &len);
			else
				len = ota_signed_to_sign(
					OTA_SIGNED_ASSIGNMENT, parts.digest, NULL, &parts.signatures[i], to_sign);
			fake_key_sign(two_roots[i], to_sign, len, parts.signatures[i].rs);
		}
		assert_int_equal(ota_keyset_verify(&parts, &keyset), OTA_REFUSED);
	}
}

static void body_exchanged_under_its_signatures_is_refused(void **state)
{
	static struct fake_keyset other;
	struct ota_keyset keyset, ignored;
	struct ota_signed parts, others;

	(void)state;
	fake_keyset_make(&other, 2);
	assert_int_equal(ota_keyset_open(first.envelope, first.len, &parts, &keyset), 0);
	assert_int_equal(ota_keyset_open(other.envelope, other.len, &others, &ignored), 0);
	parts.body_bstr = others.body_bstr;
	parts.body_bstr_len = others.body_bstr_len;
	assert_int_equal(ota_keyset_verify(&parts, &keyset), OTA_REFUSED);
}

static void out_of_range_is_not_encoded(void **state)
{
	uint8_t buf[OTA_KEYSET_BYTES_MAX];
	struct ota_keyset k;
	size_t len;

	(void)state;
#define REFUSED(change)                                                                                                \
	k = first.keyset;                                                                                              \
	change;                                                                                                        \
	assert_int_equal(ota_keyset_encode(&k, buf, sizeof(buf), &len), -OTA_E_ARG)
	REFUSED(k.version = 0);
	REFUSED(k.issued_s = (uint64_t)INT64_MAX + 1);
	REFUSED(k.root.threshold = 0);
	REFUSED(k.root.threshold = 4);
	REFUSED(k.release.key_count = 0);
	REFUSED(k.release.key_count = OTA_KEYSET_RELEASES_MAX + 1);
	REFUSED(k.fleet.key_count = OTA_KEYSET_FLEETS_MAX + 1);
	REFUSED(memcpy(k.root.keys[1], k.root.keys[0], 64));
	REFUSED(memcpy(k.fleet.keys[0], k.release.keys[0], 64));
	REFUSED(memcpy(k.fleet.keys[0], k.root.keys[2], 64));
#undef REFUSED
	assert_int_equal(ota_keyset_encode(&first.keyset, buf, 100, &len), -OTA_E_TOO_LONG);
}

/* The body of `first` with some bytes put for others, signed by all who should: only the reader stands in its way. */
static int signed_body_opens(const uint8_t *body, size_t body_len)
{
	uint8_t bstr[OTA_KEYSET_BYTES_MAX], envelope[OTA_KEYSET_BYTES_MAX];
	struct ota_signed parts = {.kind = OTA_SIGNED_KEYSET, .body_bstr = bstr, .body_bstr_len = 3 + body_len};
	enum ota_verdict verdict;
	size_t len;

	bstr[0] = 0x59;
	bstr[1] = (uint8_t)(body_len >> 8);
	bstr[2] = (uint8_t)body_len;
	memcpy(bstr + 3, body, body_len);
	fake_body_sign(&parts, two_roots, 2);
	assert_int_equal(ota_signed_encode(&parts, envelope, sizeof(envelope), &len), 0);
	return open_exact(envelope, len, &verdict);
}

static void body_that_is_not_exactly_this_is_refused(void **state)
{
	uint8_t body[OTA_KEYSET_BYTES_MAX];
	struct ota_signed parts;
	struct ota_keyset keyset;

	(void)state;
	assert_int_equal(ota_keyset_open(first.envelope, first.len, &parts, &keyset), 0);
	/* a6 01 01 02 01 03 1a …4 04 82 02 83 5840 … */
	memcpy(body, parts.body, parts.body_len);
	assert_int_equal(signed_body_opens(body, parts.body_len), 0);
	body[2] = 2; /* another format */
	assert_int_equal(signed_body_opens(body, parts.body_len), -OTA_E_UNSUPPORTED);
	memcpy(body, parts.body, parts.body_len);
	body[3] = 1; /* the same key twice */
	assert_int_equal(signed_body_opens(body, parts.body_len), -OTA_E_FORMAT);
	memcpy(body, parts.body, parts.body_len);
	body[4] = 0; /* version 0 */
	assert_int_equal(signed_body_opens(body, parts.body_len), -OTA_E_FORMAT);
	memcpy(body, parts.body, parts.body_len);
	body[13] = 4; /* a threshold that cannot be reached */
	assert_int_equal(signed_body_opens(body, parts.body_len), -OTA_E_FORMAT);
	memcpy(body, parts.body, 4); /* version 1, in a byte too many */
	body[4] = 0x18;
	memcpy(body + 5, parts.body + 4, parts.body_len - 4);
	assert_int_equal(signed_body_opens(body, parts.body_len + 1), -OTA_E_FORMAT);
	memcpy(body, parts.body, parts.body_len);
	body[0] = 0xa7; /* a member more: understood by nobody */
	body[parts.body_len] = 7;
	body[parts.body_len + 1] = 0;
	assert_int_equal(signed_body_opens(body, parts.body_len + 2), -OTA_E_UNSUPPORTED);
	memcpy(body, parts.body, parts.body_len);
	memcpy(body + 17 + 66, body + 17, 64); /* a root twice: two signatures by one hand would do */
	assert_int_equal(signed_body_opens(body, parts.body_len), -OTA_E_FORMAT);
}

static void keyset_without_signature_or_with_too_many_does_not_open(void **state)
{
	uint8_t body[OTA_KEYSET_BYTES_MAX], envelope[OTA_KEYSET_BYTES_MAX];
	struct ota_signed parts = {.kind = OTA_SIGNED_KEYSET, .body_bstr = body};
	enum ota_verdict verdict;
	size_t len;

	(void)state;
	assert_int_equal(ota_keyset_encode(&first.keyset, body, sizeof(body), &parts.body_bstr_len), 0);
	fake_body_sign(&parts, NULL, 0);
	assert_int_equal(ota_signed_encode(&parts, envelope, sizeof(envelope), &len), 0);
	assert_int_equal(open_exact(envelope, len, &verdict), -OTA_E_FORMAT);
	fake_body_sign(&parts, two_roots, 2);
	for (size_t i = 2; i < OTA_SIGNED_SIGNATURES_MAX; i++)
		parts.signatures[i] = parts.signatures[0];
	parts.signature_count = OTA_SIGNED_SIGNATURES_MAX;
	assert_int_equal(ota_signed_encode(&parts, envelope, sizeof(envelope), &len), 0);
	assert_int_equal(open_exact(envelope, len, &verdict), 0);
	assert_int_equal(verdict, OTA_ACCEPTED);
	/* 82 59 xxxx 8b 5824 …: the array's count is byte 4. */
	assert_int_equal(envelope[4], 0x8b);
	envelope[4] = 0x8c;
	assert_int_equal(open_exact(envelope, len, &verdict), -OTA_E_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_survives),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_prefix_and_every_tail_is_refused),
		cmocka_unit_test(threshold_counts_distinct_roots),
		cmocka_unit_test(next_one_needs_a_threshold_of_old_and_of_new_roots),
		cmocka_unit_test(only_the_very_next_version_is_next),
		cmocka_unit_test(signature_of_another_kind_is_refused),
		cmocka_unit_test(body_exchanged_under_its_signatures_is_refused),
		cmocka_unit_test(out_of_range_is_not_encoded),
		cmocka_unit_test(body_that_is_not_exactly_this_is_refused),
		cmocka_unit_test(keyset_without_signature_or_with_too_many_does_not_open),
	};

	return cmocka_run_group_tests(tests, keyset_up, NULL);
}
