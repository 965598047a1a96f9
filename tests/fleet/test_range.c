/* SPDX-License-Identifier: Apache-2.0 */
/* The Range header, by table. */
#include "skerryd/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *header;
	uint64_t size;
	enum range_kind kind;
	uint64_t first, last;
} rows[] = {
	{NULL, 100, RANGE_WHOLE, 0, 0},
	{"bytes=0-", 100, RANGE_PART, 0, 99},
	{"bytes=0-0", 100, RANGE_PART, 0, 0},
	{"bytes=99-99", 100, RANGE_PART, 99, 99},
	{"bytes=99-", 100, RANGE_PART, 99, 99},
	{"bytes=10-19", 100, RANGE_PART, 10, 19},
	{"bytes=10-1000", 100, RANGE_PART, 10, 99},
	{"bytes=10-99999999999999999999999", 100, RANGE_PART, 10, 99},
	{"bytes=-1", 100, RANGE_PART, 99, 99},
	{"bytes=-100", 100, RANGE_PART, 0, 99},
	{"bytes=-1000", 100, RANGE_PART, 0, 99},
	{"BYTES=1-2", 100, RANGE_PART, 1, 2},
	{"bytes= 1-2", 100, RANGE_PART, 1, 2},
	/* beyond the end */
	{"bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=100-200", 100, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=18446744073709551616-", 100, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=-5", 0, RANGE_UNSATISFIABLE, 0, 0},
	/* not understood: as if it were not there */
	{"", 100, RANGE_WHOLE, 0, 0},
	{"bytes=", 100, RANGE_WHOLE, 0, 0},
	{"bytes=-", 100, RANGE_WHOLE, 0, 0},
	{"bytes=5", 100, RANGE_WHOLE, 0, 0},
	{"bytes=9-5", 100, RANGE_WHOLE, 0, 0},
	{"bytes=a-b", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1-b", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1-2,4-5", 100, RANGE_WHOLE, 0, 0},
	{"bytes=-1,2-3", 100, RANGE_WHOLE, 0, 0},
	{"bytes=+1-2", 100, RANGE_WHOLE, 0, 0},
	{"bytes=0x1-2", 100, RANGE_WHOLE, 0, 0},
	{"lines=1-2", 100, RANGE_WHOLE, 0, 0},
	{"bytes 1-2", 100, RANGE_WHOLE, 0, 0},
	/* 64 bits */
	{"bytes=4294967296-4294967297", 8589934592, RANGE_PART, 4294967296, 4294967297},
	{"bytes=-1", 8589934592, RANGE_PART, 8589934591, 8589934591},
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t first = 0, last = 0;
		enum range_kind kind = range_parse(rows[i].header, rows[i].size, &first, &last);
		if (kind != rows[i].kind)
			fail_msg("'%s' of %llu bytes", rows[i].header, (unsigned long long)rows[i].size);
		if (kind != RANGE_PART)
			continue;
		assert_int_equal(first, rows[i].first);
		assert_int_equal(last, rows[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table)};
	return cmocka_run_group_tests_name("fleet/range", tests, NULL, NULL);
}
