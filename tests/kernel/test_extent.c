/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "extent.h"

static void expect_ranges(const struct extent_list *list, const struct extent *ranges, size_t count)
{
	assert_int_equal(list->count, count);
	assert_memory_equal(list->extents, ranges, count * sizeof(*ranges));
}

static void test_neighbours_join(void **state)
{
	struct extent_list list = {0};

	(void)state;
	assert_true(extent_add(&list, 30, 40));
	assert_true(extent_add(&list, 10, 20));
	assert_true(extent_add(&list, 50, 60));
	expect_ranges(&list, (struct extent[]){{10, 20}, {30, 40}, {50, 60}}, 3);
	assert_true(extent_add(&list, 20, 30));
	assert_true(extent_add(&list, 40, 45));
	assert_true(extent_add(&list, 48, 50));
	expect_ranges(&list, (struct extent[]){{10, 45}, {48, 60}}, 2);
}

static void test_remove_cuts_where_it_overlaps(void **state)
{
	struct extent_list list = {0};

	(void)state;
	extent_add(&list, 10, 40);
	extent_add(&list, 50, 60);
	assert_true(extent_remove(&list, 20, 30));
	expect_ranges(&list, (struct extent[]){{10, 20}, {30, 40}, {50, 60}}, 3);
	assert_true(extent_remove(&list, 0, 12));
	assert_true(extent_remove(&list, 38, 55));
	expect_ranges(&list, (struct extent[]){{12, 20}, {30, 38}, {55, 60}}, 3);
	assert_true(extent_remove(&list, 0, 100));
	assert_int_equal(list.count, 0);
}

static void test_take_is_first_fit(void **state)
{
	struct extent_list list = {0};

	(void)state;
	extent_add(&list, 10, 20);
	extent_add(&list, 30, 60);
	assert_int_equal(extent_take(&list, 15), 30);
	assert_int_equal(extent_take(&list, 10), 10);
	assert_int_equal(extent_take(&list, 16), 0);
	expect_ranges(&list, (struct extent[]){{45, 60}}, 1);
}

static void test_full_list_says_so(void **state)
{
	struct extent_list list = {0};

	(void)state;
	for (uint64_t i = 0; i < EXTENTS_MAX; i++)
		assert_true(extent_add(&list, i * 10, i * 10 + 5));
	assert_false(extent_add(&list, 1000, 1001));
	assert_false(extent_remove(&list, 11, 12));
	assert_int_equal(extent_total(&list), EXTENTS_MAX * 5);
	assert_true(extent_add(&list, 5, 10));
}

#define CELLS 256

/* Against a bitmap, one byte per cell. */
static void test_random_against_a_map(void **state)
{
	uint8_t map[CELLS] = {0};
	struct extent_list list = {0};
	unsigned int seed = (unsigned int)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int step = 0; step < 50000; step++) {
		uint64_t start = (uint64_t)rand() % CELLS, end = start + 1 + (uint64_t)rand() % 20;
		bool done, add = rand() % 2;

		end = end > CELLS ? CELLS : end;
		/* Adding what is there already is the caller's mistake. */
		if (add && memchr(map + start, 1, end - start))
			continue;
		done = add ? extent_add(&list, start, end) : extent_remove(&list, start, end);
		if (done)
			memset(map + start, add, end - start);
		else
			assert_int_equal(list.count, EXTENTS_MAX);
		for (uint64_t cell = 0; done && cell < CELLS; cell++) {
			bool in = false;

			for (size_t i = 0; i < list.count; i++)
				in |= cell >= list.extents[i].start && cell < list.extents[i].end;
			assert_int_equal(in, map[cell]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours_join),
		cmocka_unit_test(test_remove_cuts_where_it_overlaps),
		cmocka_unit_test(test_take_is_first_fit),
		cmocka_unit_test(test_full_list_says_so),
		cmocka_unit_test(test_random_against_a_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
