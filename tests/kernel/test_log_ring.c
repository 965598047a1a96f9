/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/log.h"
#include "log_ring.h"

static struct log_ring ring;

static int setup(void **state)
{
	(void)state;
	memset(&ring, 0, sizeof(ring));
	return 0;
}

static void put(const char *line)
{
	log_ring_put(&ring, line, strlen(line));
}

static void test_lines_in_order(void **state)
{
	uint64_t seq = 0;
	char buf[LOG_LINE_MAX + 1];

	(void)state;
	assert_int_equal(log_ring_get(&ring, &seq, buf, sizeof(buf)), -1);
	put("one");
	put("");
	put("three");
	assert_int_equal(log_ring_get(&ring, &seq, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "one");
	assert_int_equal(log_ring_get(&ring, &seq, buf, sizeof(buf)), 0);
	assert_int_equal(log_ring_get(&ring, &seq, buf, sizeof(buf)), 5);
	assert_string_equal(buf, "three");
	assert_int_equal(seq, 3);
	assert_int_equal(log_ring_get(&ring, &seq, buf, sizeof(buf)), -1);
}

/* Far more than fits, of all lengths: the newest are whole, the oldest are gone, numbers count on. */
static void test_old_lines_make_room(void **state)
{
	char line[LOG_LINE_MAX + 1], buf[LOG_LINE_MAX + 1];
	uint64_t seq = 0, number;
	int len;

	(void)state;
	for (number = 0; number < 5000; number++) {
		len = snprintf(line, sizeof(line), "%lu %.*s", (unsigned long)number, (int)(number % 150),
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxx");
		log_ring_put(&ring, line, (size_t)len);
		assert_true(ring.used <= LOG_RING_BYTES);
	}
	len = log_ring_get(&ring, &seq, buf, sizeof(buf));
	assert_int_equal(len, strlen(buf));
	assert_true(seq > 4700 && seq < 4900);
	for (number = seq; number < 5000; number++) {
		assert_true(log_ring_get(&ring, &seq, buf, sizeof(buf)) > 0);
		assert_int_equal(strtoul(buf, NULL, 10), number);
	}
	assert_int_equal(log_ring_get(&ring, &seq, buf, sizeof(buf)), -1);
}

static void test_long_lines_are_cut(void **state)
{
	char line[500], buf[LOG_LINE_MAX + 1], small[8];
	uint64_t seq = 0, again = 0;

	(void)state;
	memset(line, 'y', sizeof(line));
	log_ring_put(&ring, line, sizeof(line));
	assert_int_equal(log_ring_get(&ring, &seq, buf, sizeof(buf)), LOG_LINE_MAX);
	assert_int_equal(log_ring_get(&ring, &again, small, sizeof(small)), 7);
	assert_string_equal(small, "yyyyyyy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lines_in_order, setup),
		cmocka_unit_test_setup(test_old_lines_make_room, setup),
		cmocka_unit_test_setup(test_long_lines_are_cut, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
