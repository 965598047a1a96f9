/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"
#include "json_write.h"
#include "test.h"

#include <stdio.h>

static int parse(const char *text, size_t len)
{
	char *copy = exact_copy(text, len);
	struct json root;
	int error = json_parse(copy, len, &root);

	free(copy);
	return error;
}

static void accepts_what_rfc_8259_allows(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		" [ 1 , 2 ] ",
		"\"\"",
		"0",
		"-0",
		"-12.5e+3",
		"1E9",
		"true",
		"false",
		"null",
		"{\"a\":{\"b\":[{}]}}",
		"\"\\u0041\\ud83d\\ude00\\n\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"\t\r\n{\"a\":1}\n",
		"[[[[[[[[]]]]]]]]",
		"{\"\":1}",
		"\"\x7f\"",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (parse(good[i], strlen(good[i])) != 0)
			fail_msg("refused: %s", good[i]);
	}
}

static void refuses_everything_else(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"]",
		"[1,]",
		"[,1]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,}",
		"{a:1}",
		"{'a':1}",
		"\"",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\n\"",
		"\"\t\"",
		"01",
		"+1",
		"-",
		"1.",
		".5",
		"1e",
		"1e+",
		"0x10",
		"NaN",
		"Infinity",
		"tru",
		"nul",
		"True",
		"{} {}",
		"1 2",
		"[]x",
		"{\"a\":1 \"b\":2}",
		"[1 2]",
		"/**/1",
		"\xef\xbb\xbf{}",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\ud800\\u0041\"",
		"\"\\u0000\"",
		"\"\x80\"",
		"\"\xc0\x80\"",
		"\"\xc3\"",
		"\"\xe0\x80\x80\"",
		"\"\xed\xa0\x80\"",
		"\"\xf0\x80\x80\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xf5\x80\x80\x80\"",
		"\"\xff\"",
		"[[[[[[[[[]]]]]]]]]",
		"{\"a\":1,\"a\":2}",
		"{\"a\":1,\"\\u0061\":2}",
		"{\"b\":{\"x\":1,\"y\":2,\"x\":3}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (parse(bad[i], strlen(bad[i])) != -OTA_E_JSON)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(parse("\"a\0b\"", 5), -OTA_E_JSON);
}

/* Whatever is cut off a text, nothing behind its end is read (the sanitizer watches) and only the whole is accepted. */
static void refuses_every_prefix(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5e3,\"\\u20ac\xe2\x82\xac\"],\"b\":{\"c\":true,\"d\":null}}";

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(parse(text, len), -OTA_E_JSON);
	assert_int_equal(parse(text, sizeof(text) - 1), 0);
}

static void bounds_members_and_depth(void **state)
{
	char text[2048] = "{";

	(void)state;
	for (int i = 0; i < JSON_MEMBERS_MAX; i++)
		(void)snprintf(text + strlen(text), 24, "%s\"m%d\":0", i > 0 ? "," : "", i);
	strcat(text, "}");
	assert_int_equal(parse(text, strlen(text)), 0);
	text[strlen(text) - 1] = '\0';
	strcat(text, ",\"one-more\":0}");
	assert_int_equal(parse(text, strlen(text)), -OTA_E_JSON);
}

static void finds_members_and_items(void **state)
{
	static const char text[] = "{ \"skip\" : {\"id\":\"wrong\"} , \"i\\u0064\" : \"a\\\"\\u00e9\", "
				   "\"n\":18446744073709551616, \"m\":42,"
				   " \"list\":[ 1, [2], \"x\" ], \"neg\":-1, \"frac\":1.0, \"yes\":true }";
	struct json root, value, item;
	uint64_t number;
	char buf[8];

	(void)state;
	assert_int_equal(json_parse(text, sizeof(text) - 1, &root), 0);
	assert_true(json_member(&root, "id", &value));
	assert_int_equal(json_string(&value, buf, sizeof(buf)), 4);
	assert_string_equal(buf, "a\"\xc3\xa9");
	assert_int_equal(json_string(&value, buf, 4), -OTA_E_TOO_LONG);
	assert_false(json_member(&root, "none", &value));
	assert_true(json_member(&root, "m", &value) && json_u64(&value, 42, &number) && number == 42);
	assert_false(json_u64(&value, 41, &number));
	assert_int_equal(json_string(&value, buf, sizeof(buf)), -OTA_E_JSON);
	assert_true(json_member(&root, "n", &value));
	assert_false(json_u64(&value, UINT64_MAX, &number));
	assert_true(json_member(&root, "neg", &value) && !json_u64(&value, UINT64_MAX, &number));
	assert_true(json_member(&root, "frac", &value) && !json_u64(&value, UINT64_MAX, &number));
	assert_true(json_member_of(&root, "list", JSON_ARRAY, &value));
	assert_true(json_item(&value, 2, &item) && json_string_is(&item, "x"));
	assert_false(json_item(&value, 3, &item));
	assert_false(json_member_of(&root, "yes", JSON_FALSE, &value));
	assert_false(json_member(&value, "id", &item));
}

/* What the writer makes of any bytes is text that the reader accepts. */
static void writer_makes_valid_text(void **state)
{
	static const uint32_t version[3] = {1, 22, 333};
	static const uint8_t digest[2] = {0x0a, 0xf0};
	struct json_out out;
	struct json root;
	char text[256], buf[2048];
	int len;

	(void)state;
	for (int i = 0; i < 255; i++)
		text[i] = (char)(i + 1);
	text[255] = '\0';
	json_begin(&out, buf, sizeof(buf));
	json_put_string(&out, "any", text);
	json_open(&out, "list", '[');
	json_put_u64(&out, NULL, UINT64_MAX);
	json_put_bool(&out, NULL, false);
	json_close(&out, ']');
	json_open(&out, "empty", '{');
	json_close(&out, '}');
	json_put_hex(&out, "hex", digest, sizeof(digest));
	json_put_version(&out, "version", version);
	len = json_end(&out);
	assert_true(len > 0);
	assert_int_equal(json_parse(buf, (size_t)len, &root), 0);
	assert_non_null(strstr(
		buf, ",\"list\":[18446744073709551615,false],\"empty\":{},\"hex\":\"0af0\",\"version\":\"1.22.333\"}"));
}

static void writer_never_truncates(void **state)
{
	char buf[64];

	(void)state;
	for (size_t cap = 1; cap < sizeof(buf); cap++) {
		struct json_out out;

		memset(buf, '#', sizeof(buf));
		json_begin(&out, buf, cap);
		json_put_string(&out, "name", "\xff\"\n");
		if (json_end(&out) >= 0)
			assert_string_equal(buf, "{\"name\":\"\xef\xbf\xbd\\\"\\u000a\"}");
		assert_int_equal(buf[cap], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_rfc_8259_allows),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(refuses_every_prefix),
		cmocka_unit_test(bounds_members_and_depth),
		cmocka_unit_test(finds_members_and_items),
		cmocka_unit_test(writer_makes_valid_text),
		cmocka_unit_test(writer_never_truncates),
	};

	return cmocka_run_group_tests_name("agent/json", tests, NULL, NULL);
}
