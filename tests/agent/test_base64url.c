/* SPDX-License-Identifier: Apache-2.0 */
#include "base64url.h"
#include "test.h"

static void decodes_rfc_4648_vectors(void **state)
{
	static const struct {
		const char *text, *bytes;
	} rows[] = {{"", ""}, {"Zg", "f"}, {"Zm8", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"},
		{"Zm9vYmFy", "foobar"}, {"-_-_", "\xfb\xff\xbf"}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = strlen(rows[i].bytes);
		uint8_t out[8];

		assert_int_equal(base64url_decode(rows[i].text, strlen(rows[i].text), out, len), len);
		assert_memory_equal(out, rows[i].bytes, len);
		if (len > 0)
			assert_int_equal(
				base64url_decode(rows[i].text, strlen(rows[i].text), out, len - 1), -OTA_E_TOO_LONG);
	}
}

static void decodes_in_place(void **state)
{
	char text[] = "c2FtZSBtZW1vcnk";

	(void)state;
	assert_int_equal(base64url_decode(text, strlen(text), (uint8_t *)text, strlen(text)), 11);
	assert_memory_equal(text, "same memory", 11);
}

/* One text for each byte string only: else two manifests could look different and be the same. */
static void refuses_other_forms(void **state)
{
	static const char *const bad[] = {
		"Z", "Zg==", "Zg=", "Zm9v\n", "Zm9 ", "Zm+v", "Zm/v", "Zh", "Zm9", "Zm9vY", "\xc3\xa9\xc3\xa9"};
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (base64url_decode(bad[i], strlen(bad[i]), out, sizeof(out)) != -OTA_E_FORMAT)
			fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_rfc_4648_vectors),
		cmocka_unit_test(decodes_in_place),
		cmocka_unit_test(refuses_other_forms),
	};

	return cmocka_run_group_tests_name("agent/base64url", tests, NULL, NULL);
}
