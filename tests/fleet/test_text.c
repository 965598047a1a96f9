/* SPDX-License-Identifier: Apache-2.0 */
/* shared/text: what an identifier is, and bytes as text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/text.h"

static void hex_round_trip(void **state)
{
	const uint8_t bytes[4] = {0x00, 0x9f, 0xa0, 0xff};
	uint8_t back[4];
	char hex[9];
	(void)state;
	text_hex(bytes, 4, hex);
	assert_string_equal(hex, "009fa0ff");
	assert_true(text_unhex("009FA0ff", back, 4));
	assert_memory_equal(back, bytes, 4);
	assert_false(text_unhex("009fa0f", back, 4));
	assert_false(text_unhex("009fa0ff0", back, 4));
	assert_false(text_unhex("009fa0fg", back, 4));
	assert_false(text_unhex("", back, 4));
}

/* RFC 4648 §10, without padding, and the two characters that differ from plain base64. */
static void base64url_vectors(void **state)
{
	static const struct {
		const char *plain, *text;
	} vectors[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
	uint8_t back[16];
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		size_t len = strlen(vectors[i].plain);
		char *text = text_base64url((const uint8_t *)vectors[i].plain, len);
		assert_string_equal(text, vectors[i].text);
		free(text);
		assert_int_equal(text_unbase64url(vectors[i].text, back, sizeof back), len);
		assert_memory_equal(back, vectors[i].plain, len);
	}
}

static void base64url_refuses(void **state)
{
	static const char *const bad[] = {
		"A", "AAAAA", "Zg==", "Z+8", "Z/8", "Zg ", "Zh" /* left-over bits set */, "Zm9", "\n"};
	uint8_t back[4];
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(text_unbase64url(bad[i], back, sizeof back), -1);
	assert_int_equal(text_unbase64url("AAAAAAA", back, sizeof back), -1); /* five bytes do not fit */
	assert_int_equal(text_unbase64url("AAAAAA", back, sizeof back), 4);
}

static void identifiers(void **state)
{
	char long_id[66];
	(void)state;
	memset(long_id, 'a', 65);
	long_id[65] = 0;
	assert_false(text_is_id(long_id));
	long_id[64] = 0;
	assert_true(text_is_id(long_id));
	assert_true(text_is_id("Dev_1-x"));
	static const char *const bad[] = {"", "a/b", "a+b", "#", "a.b", "a b", "$next", "\xc3\xa4"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_is_id(bad[i]));
	assert_true(text_is_name("qemu-virt"));
	assert_true(text_is_name("a.b"));
	assert_false(text_is_name(".."));
	assert_false(text_is_name(".hidden"));
	assert_false(text_is_name("a/b"));
}

static void prefixes(void **state)
{
	static const char *const good[] = {"skerry/things", "$aws/things", "a"}, *const bad[] = {"", "/a", "a/", "a//b",
											 "a/+", "a/#", "a b", "a/$b"};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(text_is_prefix(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_is_prefix(bad[i]));
}

static void versions(void **state)
{
	uint32_t version[3];
	static const char *const bad[] = {"", "1", "1.2", "1.2.3.4", "1..3", ".2.3", "1.2.", "65536.0.0", "0.65536.0",
		"0.0.4294967296", "+1.0.0", "1.0.0x", " 1.0.0", "1.0.-1"};
	(void)state;
	assert_true(text_version_parse("1.20.300", version));
	assert_int_equal(version[0], 1);
	assert_int_equal(version[1], 20);
	assert_int_equal(version[2], 300);
	assert_true(text_version_parse("65535.65535.4294967295", version));
	assert_int_equal(version[2], UINT32_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_version_parse(bad[i], version));
}

static void numbers(void **state)
{
	uint64_t value;
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x10", "11", "18446744073709551616", "1.0"};
	(void)state;
	assert_true(text_u64_parse("10", 10, &value));
	assert_int_equal(value, 10);
	assert_true(text_u64_parse("18446744073709551615", UINT64_MAX, &value));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_u64_parse(bad[i], 10, &value));
}

/* The well-known name-based UUID of www.example.com in the DNS name space. */
static void uuids(void **state)
{
	uint8_t id[16];
	char hex[33];
	(void)state;
	text_vendor_id("www.example.com", id);
	text_hex(id, 16, hex);
	assert_string_equal(hex, "2ed6657de927568b95e12665a8aea6a2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_round_trip),
		cmocka_unit_test(base64url_vectors),
		cmocka_unit_test(base64url_refuses),
		cmocka_unit_test(identifiers),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(versions),
		cmocka_unit_test(numbers),
		cmocka_unit_test(uuids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
