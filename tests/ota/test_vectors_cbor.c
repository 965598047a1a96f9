/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 8949's own examples through the device's reader: each is read as the RFC says, and written again as the same bytes, or refused by name;
 * nothing that is not well-formed is read, and nothing of one type as another.
 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>

#include "cbor.h"
#include "vectors.h"

static const char *folder;

/* What one item means, in the RFC's diagnostic notation; and its bytes, encoded anew. */
struct walk {
	char text[512];
	uint8_t bytes[VECTOR_BYTES_MAX];
	struct cbor_out again;
};

static void item_read(struct walk *walk, struct cbor_in *in, bool is_key, struct cbor_keys *keys);

static void say(struct walk *walk, const char *text)
{
	assert_true(strlen(walk->text) + strlen(text) < sizeof(walk->text));
	strcat(walk->text, text);
}

static void integer_read(struct walk *walk, struct cbor_in *in, struct cbor_keys *keys)
{
	int64_t value = keys ? cbor_key(in, keys) : cbor_int(in);
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	say(walk, text);
	cbor_put_int(&walk->again, value);
}

static void bytes_read(struct walk *walk, struct cbor_in *in)
{
	struct cbor_bytes bytes = cbor_bytes(in);
	char text[8];

	say(walk, "h'");
	for (size_t i = 0; i < bytes.len; i++) {
		(void)snprintf(text, sizeof(text), "%02x", bytes.data[i]);
		say(walk, text);
	}
	say(walk, "'");
	cbor_put_bytes(&walk->again, bytes.data, bytes.len);
}

static void text_read(struct walk *walk, struct cbor_in *in)
{
	char text[64], quoted[3] = "\\";

	cbor_text(in, text, sizeof(text));
	say(walk, "\"");
	for (size_t i = 0; text[i]; i++) {
		quoted[1] = text[i];
		say(walk, text[i] == '"' || text[i] == '\\' ? quoted : quoted + 1);
	}
	say(walk, "\"");
	cbor_put_text(&walk->again, text);
}

static void items_read(struct walk *walk, struct cbor_in *in, bool map)
{
	size_t count = map ? cbor_map(in) : cbor_array(in);
	struct cbor_keys keys = {0};

	say(walk, map ? "{" : "[");
	if (map)
		cbor_put_map(&walk->again, count);
	else
		cbor_put_array(&walk->again, count);
	for (size_t i = 0; i < count && !in->error; i++) {
		say(walk, i > 0 ? ", " : "");
		if (map) {
			item_read(walk, in, true, &keys);
			say(walk, ": ");
		}
		item_read(walk, in, false, NULL);
	}
	say(walk, map ? "}" : "]");
}

/* The tags of appendix A that are no bignum. */
static void tagged_read(struct walk *walk, struct cbor_in *in)
{
	static const uint8_t tags[] = {0, 1, 23, 24, 32};
	char text[8];

	for (size_t i = 0; i < COUNT(tags); i++) {
		if (!cbor_tag_is(in, tags[i]))
			continue;
		(void)snprintf(text, sizeof(text), "%u(", tags[i]);
		say(walk, text);
		cbor_put_tag(&walk->again, tags[i]);
		item_read(walk, in, false, NULL);
		say(walk, ")");
		return;
	}
	integer_read(walk, in, NULL);
}

/* Which reader is asked follows from the initial byte, as a format would have it; the reader itself decides. */
static void item_read(struct walk *walk, struct cbor_in *in, bool is_key, struct cbor_keys *keys)
{
	unsigned major = in->at < in->end ? *in->at >> 5 : 0;

	if (is_key || major <= 1) {
		integer_read(walk, in, keys);
	} else if (major == 2) {
		bytes_read(walk, in);
	} else if (major == 3) {
		text_read(walk, in);
	} else if (major <= 5) {
		items_read(walk, in, major == 5);
	} else if (major == 6) {
		tagged_read(walk, in);
	} else if (*in->at == 0xf6) {
		cbor_null(in);
		say(walk, "null");
		cbor_put_null(&walk->again);
	} else {
		(void)cbor_int(in);
	}
}

static int walk_over(struct walk *walk, const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that a byte read beyond the end is seen */
	struct cbor_in in;
	int error;

	assert_non_null(exact);
	memcpy(exact, data, len);
	memset(walk, 0, sizeof(*walk));
	walk->again = (struct cbor_out){walk->bytes, sizeof(walk->bytes), 0, false};
	cbor_read(&in, exact, len);
	item_read(walk, &in, false, NULL);
	error = cbor_finish(&in);
	free(exact);
	return error;
}

/* No reader takes an item of another type than its own. */
static bool is_taken_for_another_type(const uint8_t *data, size_t len)
{
	unsigned major = data[0] >> 5, readers[] = {0, 2, 3, 4, 5, 7};
	char text[64];

	for (size_t i = 0; i < COUNT(readers); i++) {
		struct cbor_in in;

		if (readers[i] == major || (readers[i] == 0 && major == 1))
			continue;
		cbor_read(&in, data, len);
		switch (readers[i]) {
		case 0:
			(void)cbor_int(&in);
			break;
		case 2:
			(void)cbor_bytes(&in);
			break;
		case 3:
			cbor_text(&in, text, sizeof(text));
			break;
		case 4:
			(void)cbor_array(&in);
			break;
		case 5:
			(void)cbor_map(&in);
			break;
		default:
			cbor_null(&in);
			break;
		}
		if (!in.error)
			return true;
	}
	return false;
}

/* The error that goes with a reason of the table. */
static int error_of(const char *why)
{
	static const char *const unsupported[] = {
		"float", "indefinite", "simple", "bignum", "wide-integer", "text-not-ascii"};

	for (size_t i = 0; i < COUNT(unsupported); i++)
		if (strcmp(why, unsupported[i]) == 0)
			return -OTA_E_UNSUPPORTED;
	if (strcmp(why, "read") == 0)
		return 0;
	assert_string_equal(why, "text-key"); /* no format here has one */
	return -OTA_E_FORMAT;
}

static void appendix_a_is_read_right_or_refused_by_name(void **state)
{
	unsigned read = 0, refused = 0, misread = 0;
	struct vector_table table;
	char *columns[3];

	(void)state;
	vector_open(&table, folder, "cbor-appendix-a.txt");
	while (vector_columns(&table, columns, 3)) {
		uint8_t data[VECTOR_BYTES_MAX];
		size_t len = vector_hex(columns[0], data, sizeof(data));
		struct walk walk;
		int error = walk_over(&walk, data, len);
		bool right = error ? error == error_of(columns[1])
				   : strcmp(walk.text, columns[2]) == 0 && walk.again.len == len &&
					     memcmp(walk.bytes, data, len) == 0;

		if (!right || error != error_of(columns[1]) || is_taken_for_another_type(data, len)) {
			printf("misread: %s, %s: %s, %s\n", columns[0], columns[2], walk.text, ota_err_name(error));
			misread++;
		}
		*(error ? &refused : &read) += 1;
	}
	vector_close(&table);
	printf("vectors: cbor appendix A %u read, %u refused, %u misread\n", read, refused, misread);
	assert_int_equal(misread, 0);
	assert_int_equal(read + refused, 81);
}

static void appendix_f_is_refused(void **state)
{
	unsigned refused = 0, misread = 0;
	struct vector_table table;
	char *columns[2];

	(void)state;
	vector_open(&table, folder, "cbor-appendix-f.txt");
	while (vector_columns(&table, columns, 2)) {
		uint8_t data[VECTOR_BYTES_MAX];
		size_t len = vector_hex(columns[0], data, sizeof(data));
		struct walk walk;
		int error = walk_over(&walk, data, len);

		if (error != -OTA_E_FORMAT && error != -OTA_E_UNSUPPORTED) {
			printf("misread: %s, %s: %s\n", columns[0], columns[1], walk.text);
			misread++;
		} else {
			refused++;
		}
	}
	vector_close(&table);
	printf("vectors: cbor appendix F %u refused, %u misread\n", refused, misread);
	assert_int_equal(misread, 0);
	assert_int_equal(refused, 94);
}

/* Each item of appendix A that is read, with its first head in each longer form (RFC 8949 §4.2.1 allows the shortest only). */
static void longer_heads_are_refused_as_malformed(void **state)
{
	unsigned refused = 0;
	struct vector_table table;
	char *columns[3];

	(void)state;
	vector_open(&table, folder, "cbor-appendix-a.txt");
	while (vector_columns(&table, columns, 3)) {
		uint8_t data[VECTOR_BYTES_MAX], longer[VECTOR_BYTES_MAX + 9];
		size_t len = vector_hex(columns[0], data, sizeof(data)), head;
		struct walk walk;

		if (error_of(columns[1]) != 0 || data[0] == 0xf6)
			continue;
		head = (data[0] & 31u) < 24 ? 0 : (size_t)1 << ((data[0] & 31u) - 24);
		for (size_t wide = head ? 2 * head : 1; wide <= 8; wide *= 2) {
			memset(longer, 0, sizeof(longer));
			longer[0] = (uint8_t)((data[0] & 0xe0u) | (wide == 1          ? 24
									  : wide == 2 ? 25
									  : wide == 4 ? 26
										      : 27));
			if (head)
				memcpy(longer + 1 + wide - head, data + 1, head);
			else
				longer[wide] = data[0] & 31u;
			memcpy(longer + 1 + wide, data + 1 + head, len - 1 - head);
			assert_int_equal(walk_over(&walk, longer, len + wide - head), -OTA_E_FORMAT);
			refused++;
		}
	}
	vector_close(&table);
	printf("vectors: cbor longer heads %u refused, 0 misread\n", refused);
	assert_true(refused > 80);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appendix_a_is_read_right_or_refused_by_name),
		cmocka_unit_test(appendix_f_is_refused),
		cmocka_unit_test(longer_heads_are_refused_as_malformed),
	};

	folder = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
