/* SPDX-License-Identifier: Apache-2.0 */
/* ES256 against what others published and against the edges of its numbers; COSE's own examples, one by one. */
#include "test.h"

#include <stdio.h>

#include "cbor.h"
#include "ota/keyset.h"
#include "ota/verify.h"
#include "suit.h"
#include "vectors.h"

static const char *folder;

/* Verdict, key, hash, signature, name. Counts accepted and refused. */
static void signatures_check(const char *name, unsigned counts[2])
{
	struct vector_table table;
	char *columns[5];
	unsigned wrong = 0;

	vector_open(&table, folder, name);
	while (vector_columns(&table, columns, 5)) {
		uint8_t key[64], hash[32], rs[64];
		enum ota_verdict verdict;
		bool holds = strcmp(columns[0], "accepted") == 0;

		assert_true(holds || strcmp(columns[0], "refused") == 0);
		assert_int_equal(vector_hex(columns[1], key, sizeof(key)), sizeof(key));
		assert_int_equal(vector_hex(columns[2], hash, sizeof(hash)), sizeof(hash));
		assert_int_equal(vector_hex(columns[3], rs, sizeof(rs)), sizeof(rs));
		verdict = ota_es256_verify(key, hash, rs);
		if (verdict != (holds ? OTA_ACCEPTED : OTA_REFUSED)) {
			printf("misread: not %s: %s\n", columns[0], columns[4]);
			wrong++;
		}
		counts[holds ? 0 : 1]++;
	}
	vector_close(&table);
	assert_int_equal(wrong, 0);
}

static void rfc_6979_signatures_hold(void **state)
{
	unsigned counts[2] = {0, 0};

	(void)state;
	signatures_check("es256-rfc6979.txt", counts);
	printf("vectors: es256 rfc 6979 %u accepted, 0 misread\n", counts[0]);
	assert_int_equal(counts[0], 10);
}

static void edges_are_judged_as_the_standard_says(void **state)
{
	unsigned counts[2] = {0, 0};

	(void)state;
	signatures_check("es256-edges.txt", counts);
	printf("vectors: es256 edges %u accepted, %u refused, 0 misread\n", counts[0], counts[1]);
	assert_int_equal(counts[0], 13);
	assert_int_equal(counts[1], 43);
}

struct example {
	char name[128], verdict[16];
	uint8_t message[VECTOR_BYTES_MAX], external[64], signed_bytes[256];
	size_t message_len, external_len, signed_len;
};

/* A COSE_Sign1 message taken apart; pointers go into it. */
struct sign1 {
	struct cbor_bytes header, payload, rs;
};

static int sign1_read(const struct example *example, struct sign1 *out)
{
	struct cbor_in in;
	size_t pairs;

	cbor_read(&in, example->message, example->message_len);
	(void)cbor_tag_is(&in, COSE_TAG_SIGN1);
	if (cbor_array(&in) != 4)
		cbor_fail(&in, -OTA_E_FORMAT);
	out->header = cbor_bytes(&in);
	pairs = cbor_map(&in);
	for (size_t i = 0; i < pairs; i++) { /* the examples' unprotected headers: alg and kid */
		if (cbor_int(&in) == COSE_HEADER_ALG)
			(void)cbor_int(&in);
		else
			(void)cbor_bytes(&in);
	}
	out->payload = cbor_bytes(&in);
	out->rs = cbor_bytes(&in);
	return cbor_finish(&in);
}

/* Is the signature over RFC 9052 §4.4's Sig_structure? */
static enum ota_verdict sign1_verify(const struct example *example, const struct sign1 *parts, const uint8_t key[64])
{
	uint8_t bytes[512], hash[32];
	struct cbor_out out = {bytes, sizeof(bytes), 0, false};
	/* An empty map stands for no bytes at all (§3). */
	bool empty = parts->header.len == 1 && parts->header.data[0] == 0xa0;

	if (parts->rs.len != OTA_SIG_BYTES)
		return OTA_REFUSED;
	cbor_put_array(&out, 4);
	cbor_put_text(&out, "Signature1");
	cbor_put_bytes(&out, parts->header.data, empty ? 0 : parts->header.len);
	cbor_put_bytes(&out, example->external, example->external_len);
	cbor_put_bytes(&out, parts->payload.data, parts->payload.len);
	assert_false(out.overflow);
	if (strcmp(example->verdict, "accepted") == 0) {
		assert_int_equal(out.len, example->signed_len);
		assert_memory_equal(bytes, example->signed_bytes, out.len);
	}
	ota_sha256(bytes, out.len, hash);
	return ota_es256_verify(key, hash, parts->rs.data);
}

/* What stands where an envelope has its signature. */
struct signer {
	void (*put)(struct cbor_out *out, const void *arg);
	const void *arg;
};

static void wrapper_put(struct cbor_out *out, const void *arg)
{
	static const uint8_t digest[32] = {1};
	const struct signer *signer = arg;

	cbor_put_array(out, 2);
	cbor_put_wrapped(out, suit_digest_put, digest);
	cbor_put_wrapped(out, signer->put, signer->arg);
}

static void raw_put(struct cbor_out *out, const void *arg)
{
	const struct example *example = arg;

	cbor_put_raw(out, example->message, example->message_len);
}

/* The same signature as our profile would have it: nothing unprotected, the payload detached. */
static void detached_put(struct cbor_out *out, const void *arg)
{
	const struct sign1 *parts = arg;

	cbor_put_tag(out, COSE_TAG_SIGN1);
	cbor_put_array(out, 4);
	cbor_put_bytes(out, parts->header.data, parts->header.len);
	cbor_put_map(out, 0);
	cbor_put_null(out);
	cbor_put_bytes(out, parts->rs.data, parts->rs.len);
}

/* What the device says of an update envelope that carries this as its signature; 0: it opens, and is not accepted. */
static int device_says(struct signer signer, const uint8_t key[64])
{
	struct ota_role role = {.threshold = 1, .key_count = 1};
	uint8_t bytes[1024];
	struct cbor_out out = {bytes, sizeof(bytes), 0, false};
	struct ota_envelope envelope;
	int error;

	cbor_put_tag(&out, SUIT_TAG_ENVELOPE);
	cbor_put_map(&out, 2);
	cbor_put_int(&out, SUIT_ENVELOPE_AUTH);
	cbor_put_wrapped(&out, wrapper_put, &signer);
	cbor_put_int(&out, SUIT_ENVELOPE_MANIFEST);
	cbor_put_bytes(&out, "\xa0", 1);
	assert_false(out.overflow);
	memcpy(role.keys[0], key, sizeof(role.keys[0]));
	error = ota_envelope_open(bytes, out.len, &envelope);
	if (!error)
		assert_int_equal(ota_envelope_verify(&envelope, &role), OTA_REFUSED);
	return error;
}

static bool is_told_apart(const struct example *example, const uint8_t key[64])
{
	int raw = device_says((struct signer){raw_put, example}, key), detached;
	struct sign1 parts;

	if (sign1_read(example, &parts) != 0)
		return strcmp(example->verdict, "shape") == 0 && raw == -OTA_E_FORMAT;
	/* As it stands, no device takes any: each has a header that nobody signed. */
	if (raw != -OTA_E_UNSUPPORTED)
		return false;
	detached = device_says((struct signer){detached_put, &parts}, key);
	if (strcmp(example->verdict, "algorithm") == 0)
		return detached == -OTA_E_UNSUPPORTED;
	if (detached != 0 && detached != -OTA_E_UNSUPPORTED) /* unsupported: a header besides the algorithm, or none */
		return false;
	return sign1_verify(example, &parts, key) ==
	       (strcmp(example->verdict, "accepted") == 0 ? OTA_ACCEPTED : OTA_REFUSED);
}

/* The next record. false: no more. */
static bool example_next(struct vector_table *table, struct example *out, uint8_t key[64])
{
	char *name, *value;
	int more;

	memset(out, 0, sizeof(*out));
	while ((more = vector_member(table, &name, &value)) > 0) {
		if (strcmp(name, "key") == 0)
			assert_int_equal(vector_hex(value, key, 64), 64);
		else if (strcmp(name, "name") == 0)
			(void)snprintf(out->name, sizeof(out->name), "%s", value);
		else if (strcmp(name, "verdict") == 0)
			(void)snprintf(out->verdict, sizeof(out->verdict), "%s", value);
		else if (strcmp(name, "message") == 0)
			out->message_len = vector_hex(value, out->message, sizeof(out->message));
		else if (strcmp(name, "external") == 0)
			out->external_len = vector_hex(value, out->external, sizeof(out->external));
		else if (strcmp(name, "signed") == 0)
			out->signed_len = vector_hex(value, out->signed_bytes, sizeof(out->signed_bytes));
	}
	return more < 0 || out->message_len > 0;
}

static void cose_examples_are_told_apart(void **state)
{
	unsigned accepted = 0, refused = 0, misread = 0;
	struct vector_table table;
	struct example example;
	uint8_t key[64] = {0};

	(void)state;
	vector_open(&table, folder, "cose-es256.txt");
	while (example_next(&table, &example, key)) {
		if (example.message_len == 0) /* the key's own record */
			continue;
		if (!is_told_apart(&example, key)) {
			printf("misread: %s\n", example.name);
			misread++;
		}
		*(strcmp(example.verdict, "accepted") == 0 ? &accepted : &refused) += 1;
	}
	vector_close(&table);
	printf("vectors: cose %u accepted, %u refused, %u misread\n", accepted, refused, misread);
	assert_int_equal(misread, 0);
	assert_int_equal(accepted, 4);
	assert_int_equal(refused, 10);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_6979_signatures_hold),
		cmocka_unit_test(edges_are_judged_as_the_standard_says),
		cmocka_unit_test(cose_examples_are_told_apart),
	};

	folder = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
