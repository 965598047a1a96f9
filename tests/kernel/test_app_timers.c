/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app_timers.h"
#include "kernel/app.h"

static void test_periods(void **state)
{
	struct app_timers timers = {0};

	(void)state;
	assert_int_equal(app_timers_take(&timers, UINT64_MAX), -1);
	assert_int_equal(app_timers_next_ms(&timers), UINT64_MAX);
	assert_int_equal(app_timers_set(&timers, 3, 100, 1000), 0);
	assert_int_equal(app_timers_set(&timers, 5, 30, 1000), 0);
	assert_int_equal(app_timers_next_ms(&timers), 1030);
	assert_int_equal(app_timers_take(&timers, 1029), -1);
	assert_int_equal(app_timers_take(&timers, 1030), 5);
	assert_int_equal(app_timers_take(&timers, 1030), -1);
	assert_int_equal(app_timers_set(&timers, 5, 0, 1030), 0);
	assert_int_equal(app_timers_next_ms(&timers), 1100);
}

static void test_missed_periods_are_not_made_up(void **state)
{
	struct app_timers timers = {0};

	(void)state;
	assert_int_equal(app_timers_set(&timers, 0, 10, 0), 0);
	assert_int_equal(app_timers_take(&timers, 1005), 0);
	assert_int_equal(app_timers_take(&timers, 1005), -1);
	/* And the beat is kept. */
	assert_int_equal(app_timers_next_ms(&timers), 1010);
}

static void test_bad_arguments(void **state)
{
	struct app_timers timers = {0};

	(void)state;
	assert_int_equal(app_timers_set(&timers, APP_TIMERS, 10, 0), -APP_E_INVAL);
	assert_int_equal(app_timers_set(&timers, 0, UINT64_MAX, 0), -APP_E_INVAL);
	assert_int_equal(app_timers_next_ms(&timers), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_missed_periods_are_not_made_up),
		cmocka_unit_test(test_bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
