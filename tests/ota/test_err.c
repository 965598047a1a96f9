/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void numbers_and_names_are_the_ones_in_reports(void **state)
{
	(void)state;
	/* Frozen: old devices report these to new servers. */
	assert_int_equal(OTA_E_SIG, 1);
	assert_int_equal(OTA_E_COUNTER, 8);
	assert_int_equal(OTA_E_FAILED_BEFORE, 11);
	assert_int_equal(OTA_E_IO, 20);
	assert_int_equal(OTA_E_ROLLED_BACK, 36);
	assert_int_equal(OTA_E_TLS_NAME, 72);
	assert_int_equal(OTA_E_HTTP_RANGE, 82);
	assert_string_equal(ota_err_name(-OTA_E_SIG), "E_SIG");
	assert_string_equal(ota_err_name(OTA_E_HTTP_STATUS), "E_HTTP_STATUS");
	assert_string_equal(ota_err_name(0), "OK");
	assert_string_equal(ota_err_name(-9999), "E_?");
	assert_true(strlen(ota_err_text(-9999)) > 0);
	assert_string_equal(ota_err_text(0), "no error");
	assert_string_not_equal(ota_err_text(-OTA_E_SIG), ota_err_text(-9999));
}

#define NUMBER(name, number, class_, text) number,
static void no_number_is_used_twice(void **state)
{
	static const int numbers[] = {OTA_ERRORS(NUMBER)};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(numbers[i], numbers[j]);
}

static void class_says_whether_to_come_again(void **state)
{
	(void)state;
	assert_int_equal(ota_err_class(-OTA_E_RESET), OTA_CLASS_RETRY);
	assert_int_equal(ota_err_class(-OTA_E_VENDOR), OTA_CLASS_PERMANENT);
	assert_int_equal(ota_err_class(-OTA_E_SIG), OTA_CLASS_SECURITY);
	assert_int_equal(ota_err_class(-9999), OTA_CLASS_PERMANENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_names_are_the_ones_in_reports),
		cmocka_unit_test(no_number_is_used_twice),
		cmocka_unit_test(class_says_whether_to_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
