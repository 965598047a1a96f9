/* SPDX-License-Identifier: Apache-2.0 */
/* Values of RFC 8949 appendix A in both directions; every other encoding of the same value refused. */
#include "test.h"

#include "cbor.h"

struct number {
	int64_t value;
	const char *bytes;
	size_t len;
};

static const struct number numbers[] = {
	{0, "\x00", 1},
	{1, "\x01", 1},
	{10, "\x0a", 1},
	{23, "\x17", 1},
	{24, "\x18\x18", 2},
	{25, "\x18\x19", 2},
	{100, "\x18\x64", 2},
	{255, "\x18\xff", 2},
	{256, "\x19\x01\x00", 3},
	{1000, "\x19\x03\xe8", 3},
	{65535, "\x19\xff\xff", 3},
	{65536, "\x1a\x00\x01\x00\x00", 5},
	{1000000, "\x1a\x00\x0f\x42\x40", 5},
	{1000000000000, "\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", 9},
	{INT64_MAX, "\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", 9},
	{-1, "\x20", 1},
	{-10, "\x29", 1},
	{-24, "\x37", 1},
	{-25, "\x38\x18", 2},
	{-100, "\x38\x63", 2},
	{-1000, "\x39\x03\xe7", 3},
	{INT64_MIN, "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", 9},
};

static void numbers_have_their_shortest_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		uint8_t buf[16];
		struct cbor_out out = {buf, sizeof(buf), 0, false};
		struct cbor_in in;

		cbor_put_int(&out, numbers[i].value);
		assert_int_equal(out.len, numbers[i].len);
		assert_memory_equal(buf, numbers[i].bytes, numbers[i].len);
		cbor_read(&in, buf, out.len);
		assert_true(cbor_int(&in) == numbers[i].value);
		assert_int_equal(cbor_finish(&in), 0);
	}
}

struct bad {
	const char *bytes;
	size_t len;
	int error;
};

static void other_forms_of_a_number_are_refused(void **state)
{
	static const struct bad bad[] = {
		{"", 0, -OTA_E_FORMAT}, {"\x18\x17", 2, -OTA_E_FORMAT},             /* 23 in two bytes */
		{"\x19\x00\xff", 3, -OTA_E_FORMAT},                                 /* 255 in three */
		{"\x1a\x00\x00\xff\xff", 5, -OTA_E_FORMAT},                         /* 65535 in five */
		{"\x1b\x00\x00\x00\x00\xff\xff\xff\xff", 9, -OTA_E_FORMAT},         /* 2^32 - 1 in nine */
		{"\x1b\x80\x00\x00\x00\x00\x00\x00\x00", 9, -OTA_E_UNSUPPORTED},    /* 2^63 */
		{"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", 9, -OTA_E_UNSUPPORTED},    /* -2^64 */
		{"\x18", 1, -OTA_E_FORMAT},                                         /* cut short */
		{"\x1a\x00\x01\x00", 4, -OTA_E_FORMAT}, {"\x1c", 1, -OTA_E_FORMAT}, /* reserved */
		{"\x1f", 1, -OTA_E_FORMAT},                                         /* indefinite */
		{"\x40", 1, -OTA_E_FORMAT},                                         /* another type */
		{"\xf9\x3c\x00", 3, -OTA_E_UNSUPPORTED},                            /* 1.0 */
		{"\xc2\x41\x01", 3, -OTA_E_UNSUPPORTED},                            /* bignum 1 */
		{"\xf4", 1, -OTA_E_UNSUPPORTED},                                    /* false */
		{"\x01\x01", 2, -OTA_E_FORMAT},                                     /* a byte too many */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct cbor_in in;

		cbor_read(&in, (const uint8_t *)bad[i].bytes, bad[i].len);
		(void)cbor_int(&in);
		assert_int_equal(cbor_finish(&in), bad[i].error);
	}
}

static void strings_are_definite_and_within_the_input(void **state)
{
	static const struct bad bad[] = {
		{"\x44\x01\x02\x03", 4, -OTA_E_FORMAT},                     /* one byte missing */
		{"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9, -OTA_E_FORMAT}, /* 2^64 - 1 bytes */
		{"\x5b\x00\x00\x00\x01\x00\x00\x00\x00", 9, -OTA_E_FORMAT}, /* 2^32 bytes */
		{"\x5f\x41\x01\xff", 4, -OTA_E_UNSUPPORTED},                /* in pieces */
		{"\x58\x01\x00", 3, -OTA_E_FORMAT},                         /* length in two bytes */
		{"\x61\x61", 2, -OTA_E_FORMAT},                             /* text */
	};
	struct cbor_bytes bytes;
	struct cbor_in in;

	(void)state;
	cbor_read(&in, (const uint8_t *)"\x44\x01\x02\x03\x04", 5);
	bytes = cbor_bytes(&in);
	assert_int_equal(cbor_finish(&in), 0);
	assert_int_equal(bytes.len, 4);
	assert_memory_equal(bytes.data, "\x01\x02\x03\x04", 4);
	for (size_t i = 0; i < COUNT(bad); i++) {
		cbor_read(&in, (const uint8_t *)bad[i].bytes, bad[i].len);
		bytes = cbor_bytes(&in);
		assert_int_equal(bytes.len, 0);
		assert_int_equal(cbor_finish(&in), bad[i].error);
	}
}

static void text_is_printable_and_fits(void **state)
{
	char text[5];
	struct cbor_in in;

	(void)state;
	cbor_read(&in, (const uint8_t *)"\x64IETF", 5);
	cbor_text(&in, text, sizeof(text));
	assert_int_equal(cbor_finish(&in), 0);
	assert_string_equal(text, "IETF");
	cbor_read(&in, (const uint8_t *)"\x65IETFs", 6);
	cbor_text(&in, text, sizeof(text));
	assert_int_equal(cbor_finish(&in), -OTA_E_UNSUPPORTED);
	cbor_read(&in,
		(const uint8_t *)"\x63"
				 "a\0b",
		4);
	cbor_text(&in, text, sizeof(text));
	assert_int_equal(cbor_finish(&in), -OTA_E_FORMAT);
	assert_string_equal(text, "");
}

static int keys_read(const char *bytes, size_t len, size_t count)
{
	struct cbor_keys keys = {0};
	struct cbor_in in;

	cbor_read(&in, (const uint8_t *)bytes, len);
	for (size_t i = 0; i < count; i++)
		(void)cbor_key(&in, &keys);
	return cbor_finish(&in);
}

static void keys_ascend_in_the_order_of_their_bytes(void **state)
{
	(void)state;
	assert_int_equal(keys_read("\x01\x0e\x18\x18\x20\x25", 6, 5), 0); /* 1, 14, 24, -1, -6 */
	assert_int_equal(keys_read("\x01\x01", 2, 2), -OTA_E_FORMAT);
	assert_int_equal(keys_read("\x02\x01", 2, 2), -OTA_E_FORMAT);
	assert_int_equal(keys_read("\x20\x18\x18", 3, 2), -OTA_E_FORMAT); /* the older, length-first order */
	assert_int_equal(keys_read("\x21\x20", 2, 2), -OTA_E_FORMAT);
	assert_int_equal(keys_read("\x20\x20", 2, 2), -OTA_E_FORMAT);
}

static void counts_beyond_the_input_are_refused(void **state)
{
	struct cbor_in in;

	(void)state;
	cbor_read(&in, (const uint8_t *)"\x9b\x00\x00\x00\x01\x00\x00\x00\x00", 9);
	assert_int_equal(cbor_array(&in), 0);
	assert_int_equal(in.error, -OTA_E_FORMAT);
	cbor_read(&in, (const uint8_t *)"\xa3\x01\x02", 3);
	assert_int_equal(cbor_map(&in), 0);
	assert_int_equal(in.error, -OTA_E_FORMAT);
	cbor_read(&in, (const uint8_t *)"\x9f\x01\xff", 3);
	assert_int_equal(cbor_array(&in), 0);
	assert_int_equal(in.error, -OTA_E_UNSUPPORTED);
}

static void first_error_stays_and_nothing_is_read_after_it(void **state)
{
	struct cbor_in in;

	(void)state;
	cbor_read(&in, (const uint8_t *)"\x18\x64\x05", 3);
	assert_int_equal(cbor_uint(&in, 50), 0);
	assert_int_equal(cbor_int(&in), 0);
	cbor_fail(&in, -OTA_E_FORMAT);
	assert_int_equal(cbor_finish(&in), -OTA_E_UNSUPPORTED);
}

static void writer_counts_and_stops_at_the_end(void **state)
{
	uint8_t buf[4] = {0, 0, 0, 0xee};
	struct cbor_out out = {buf, 3, 0, false}, count = {NULL, 0, 0, false};

	(void)state;
	cbor_put_text(&count, "abc");
	assert_int_equal(count.len, 4);
	cbor_put_text(&out, "abc");
	assert_true(out.overflow);
	assert_true(out.len <= 3);
	assert_int_equal(buf[3], 0xee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_their_shortest_form),
		cmocka_unit_test(other_forms_of_a_number_are_refused),
		cmocka_unit_test(strings_are_definite_and_within_the_input),
		cmocka_unit_test(text_is_printable_and_fits),
		cmocka_unit_test(keys_ascend_in_the_order_of_their_bytes),
		cmocka_unit_test(counts_beyond_the_input_are_refused),
		cmocka_unit_test(first_error_stays_and_nothing_is_read_after_it),
		cmocka_unit_test(writer_counts_and_stops_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
