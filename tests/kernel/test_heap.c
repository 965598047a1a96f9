/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "heap.h"

#define ARENA_BYTES (1U << 20)
#define BLOCKS      400

static _Alignas(4096) uint8_t arena[ARENA_BYTES];
static struct heap heap;

static int setup(void **state)
{
	(void)state;
	memset(arena, 0xee, sizeof(arena));
	heap_init(&heap, arena, sizeof(arena), 0x12345678);
	return 0;
}

static void test_all_of_it_and_back(void **state)
{
	void *all;

	(void)state;
	assert_null(heap_alloc(&heap, 16, ARENA_BYTES));
	all = heap_alloc(&heap, 16, ARENA_BYTES / 8 * 7);
	assert_non_null(all);
	assert_null(heap_alloc(&heap, 16, ARENA_BYTES / 4));
	assert_true(heap.used_bytes >= ARENA_BYTES / 8 * 7);
	assert_int_equal(heap_free(&heap, all), 0);
	assert_int_equal(heap.used_bytes, 0);
	assert_ptr_equal(heap_alloc(&heap, 16, ARENA_BYTES / 8 * 7), all);
}

static void test_small_ones_fill_it(void **state)
{
	size_t count = 0;

	(void)state;
	while (heap_alloc(&heap, 16, 16))
		count++;
	/* 32 bytes each, header included. */
	assert_in_range(count, ARENA_BYTES / 32 - 2, ARENA_BYTES / 32);
}

static void test_huge_sizes_are_refused(void **state)
{
	(void)state;
	assert_null(heap_alloc(&heap, 16, SIZE_MAX));
	assert_null(heap_alloc(&heap, 16, SIZE_MAX - 15));
	assert_null(heap_alloc(&heap, 16, (size_t)1 << 36));
	assert_null(heap_alloc(&heap, (size_t)1 << 40, 16));
}

static void test_alignment(void **state)
{
	(void)state;
	for (size_t align = 16; align <= 65536; align *= 2) {
		for (size_t bytes = 0; bytes < 200; bytes += 33) {
			void *ptr = heap_alloc(&heap, align, bytes);

			assert_non_null(ptr);
			assert_int_equal((uintptr_t)ptr % align, 0);
			memset(ptr, 0x11, bytes);
			if (bytes % 2)
				assert_int_equal(heap_free(&heap, ptr), 0);
		}
	}
}

static void test_double_free(void **state)
{
	char *a, *b, *c;

	(void)state;
	a = heap_alloc(&heap, 16, 100);
	b = heap_alloc(&heap, 16, 100);
	c = heap_alloc(&heap, 16, 100);
	assert_int_equal(heap_free(&heap, a), 0);
	assert_int_equal(heap_free(&heap, a), -HEAP_E_DOUBLE);
	/* Merged with the free block before it: still known. */
	assert_int_equal(heap_free(&heap, b), 0);
	assert_int_equal(heap_free(&heap, b), -HEAP_E_DOUBLE);
	assert_int_equal(heap_free(&heap, c), 0);
	assert_int_equal(heap_free(&heap, c), -HEAP_E_DOUBLE);
}

static void test_wild_free(void **state)
{
	char *a;
	char outside[64];

	(void)state;
	a = heap_alloc(&heap, 16, 100);
	memset(a, 0, 100);
	assert_int_equal(heap_free(&heap, a + 1), -HEAP_E_WILD);
	assert_int_equal(heap_free(&heap, a + 32), -HEAP_E_WILD);
	assert_int_equal(heap_free(&heap, outside + 32), -HEAP_E_WILD);
	assert_int_equal(heap_free(&heap, a), 0);
}

/* Any byte written right behind the memory that was asked for is noticed, whatever its size. */
static void test_overrun(void **state)
{
	(void)state;
	for (size_t bytes = 1; bytes <= 64; bytes++) {
		uint8_t *a = heap_alloc(&heap, 16, bytes), *b = heap_alloc(&heap, 16, 10);

		a[bytes] ^= 0x40;
		assert_int_equal(heap_free(&heap, a), -HEAP_E_OVERRUN);
		assert_int_equal(heap_resize(&heap, a, 1000), -HEAP_E_OVERRUN);
		a[bytes] ^= 0x40;
		assert_int_equal(heap_free(&heap, a), 0);
		assert_int_equal(heap_free(&heap, b), 0);
	}
}

static void test_underrun(void **state)
{
	uint8_t *a;

	(void)state;
	a = heap_alloc(&heap, 16, 10);
	a[-16] ^= 1;
	assert_int_equal(heap_free(&heap, a), -HEAP_E_OVERRUN);
}

static void test_resize_keeps_content(void **state)
{
	uint8_t *a, *b;

	(void)state;
	a = heap_alloc(&heap, 16, 100);
	memset(a, 7, 100);
	assert_int_equal(heap_resize(&heap, a, 5000), 1);
	assert_int_equal(heap_size(a), 5000);
	assert_int_equal(a[99], 7);
	b = heap_alloc(&heap, 16, 10);
	assert_int_equal(heap_resize(&heap, a, 6000), 0);
	assert_int_equal(heap_resize(&heap, a, 50), 1);
	assert_int_equal(heap_size(a), 50);
	assert_int_equal(a[49], 7);
	/* What was given back is there again. */
	assert_int_equal(heap_resize(&heap, a, 4000), 1);
	assert_int_equal(heap_free(&heap, b), 0);
	assert_int_equal(heap_free(&heap, a), 0);
	assert_int_equal(heap.used_bytes, 0);
}

struct held {
	uint8_t *ptr;
	size_t bytes;
	uint8_t fill;
};

static void held_check(const struct held *held)
{
	for (size_t i = 0; i < held->bytes; i++)
		assert_int_equal(held->ptr[i], held->fill);
}

static void held_take(struct held *held, int random)
{
	size_t align = (size_t)16 << (random % 4 == 0 ? random / 4 % 6 : 0);

	held->bytes = (size_t)(random % 7 == 0 ? random / 7 % 20000 : random / 7 % 300);
	held->fill = (uint8_t)random;
	held->ptr = heap_alloc(&heap, align, held->bytes);
	if (!held->ptr)
		return;
	assert_int_equal((uintptr_t)held->ptr % align, 0);
	memset(held->ptr, held->fill, held->bytes);
}

static void held_resize(struct held *held, int random)
{
	size_t bytes = (size_t)(random % 3000);

	if (heap_resize(&heap, held->ptr, bytes) == 1) {
		held->bytes = held->bytes < bytes ? held->bytes : bytes;
		held_check(held);
		held->bytes = bytes;
		memset(held->ptr, held->fill, bytes);
	}
}

/* Random life: nobody's memory is ever touched by another, and at the end everything is one piece again. */
static void test_random(void **state)
{
	static struct held held[BLOCKS];
	unsigned int seed = (unsigned int)time(NULL);
	int taken = 0;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	memset(held, 0, sizeof(held));
	for (int step = 0; step < 200000; step++) {
		struct held *one = &held[rand() % BLOCKS];

		if (!one->ptr) {
			held_take(one, rand());
			taken += one->ptr != NULL;
		} else if (rand() % 3 == 0) {
			held_resize(one, rand());
		} else {
			held_check(one);
			assert_int_equal(heap_free(&heap, one->ptr), 0);
			one->ptr = NULL;
		}
	}
	assert_true(taken > 10000);
	for (int i = 0; i < BLOCKS; i++)
		if (held[i].ptr)
			assert_int_equal(heap_free(&heap, held[i].ptr), 0);
	assert_int_equal(heap.used_bytes, 0);
	assert_non_null(heap_alloc(&heap, 16, ARENA_BYTES / 8 * 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_of_it_and_back, setup),
		cmocka_unit_test_setup(test_small_ones_fill_it, setup),
		cmocka_unit_test_setup(test_huge_sizes_are_refused, setup),
		cmocka_unit_test_setup(test_alignment, setup),
		cmocka_unit_test_setup(test_double_free, setup),
		cmocka_unit_test_setup(test_wild_free, setup),
		cmocka_unit_test_setup(test_overrun, setup),
		cmocka_unit_test_setup(test_underrun, setup),
		cmocka_unit_test_setup(test_resize_keeps_content, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
