/* SPDX-License-Identifier: Apache-2.0 */
/* The virtqueue against a device that tells the truth, and against devices that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "kernel/dev.h"
#include "virtio/virtqueue.h"

#define SIZE       8
#define PART_BYTES 100U

struct fixture {
	struct virtqueue vq;
	void *memory;
	uint8_t buffer[PART_BYTES];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || posix_memalign(&fixture->memory, 4096, virtqueue_bytes(SIZE)))
		return -1;
	virtqueue_init(&fixture->vq, fixture->memory, SIZE);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	free(fixture->memory);
	free(fixture);
	return 0;
}

static int add(struct fixture *fixture, size_t count)
{
	struct virtqueue_part parts[SIZE];

	for (size_t i = 0; i < count; i++)
		parts[i] = (struct virtqueue_part){fixture->buffer, PART_BYTES, i + 1 == count};
	return virtqueue_add(&fixture->vq, parts, count);
}

static void device_use(struct fixture *fixture, uint32_t id, uint32_t len)
{
	volatile struct virtq_used *used = fixture->vq.used;

	used->ring[used->idx % SIZE].id = id;
	used->ring[used->idx % SIZE].len = len;
	used->idx++;
}

static void chain_reaches_the_device_as_given(void **state)
{
	struct fixture *fixture = *state;
	int head = add(fixture, 3);
	const volatile struct virtq_desc *desc = &fixture->vq.desc[head];

	assert_int_equal(fixture->vq.avail->idx, 1);
	assert_int_equal(fixture->vq.avail->ring[0], head);
	assert_int_equal(desc->flags, 1);
	desc = &fixture->vq.desc[desc->next];
	assert_int_equal(desc->flags, 1);
	desc = &fixture->vq.desc[desc->next];
	assert_int_equal(desc->flags, 2);
	assert_int_equal(desc->len, PART_BYTES);
	assert_ptr_equal((void *)(uintptr_t)desc->addr, fixture->buffer);
}

static void full_ring_says_again_until_a_chain_comes_back(void **state)
{
	struct fixture *fixture = *state;
	uint32_t written;
	int first = add(fixture, 5);

	assert_true(first >= 0);
	assert_int_equal(add(fixture, 4), -DEV_E_AGAIN);
	assert_true(add(fixture, 3) >= 0);
	assert_int_equal(virtqueue_next_head(&fixture->vq), -DEV_E_AGAIN);
	device_use(fixture, (uint32_t)first, 7);
	assert_int_equal(virtqueue_take(&fixture->vq, &written), first);
	assert_int_equal(written, 7);
	assert_true(add(fixture, 5) >= 0);
}

/* Completed out of order, past the wrap of both 16-bit indices, nothing is lost. */
static void chains_survive_index_wrap_in_any_order(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int round = 0; round < 50000; round++) {
		int head[3];
		uint32_t written;

		for (int i = 0; i < 3; i++) {
			head[i] = add(fixture, 1 + (round + (unsigned int)i) % 2);
			assert_true(head[i] >= 0);
		}
		for (int i = 0; i < 3; i++)
			device_use(fixture, (uint32_t)head[(i + (int)round) % 3], 1);
		for (int i = 0; i < 3; i++)
			assert_int_equal(virtqueue_take(&fixture->vq, &written), head[(i + (int)round) % 3]);
		assert_int_equal(virtqueue_take(&fixture->vq, &written), -DEV_E_AGAIN);
	}
	assert_int_equal(fixture->vq.free_count, SIZE);
}

static void assert_broken(struct fixture *fixture)
{
	uint32_t written;

	assert_int_equal(virtqueue_take(&fixture->vq, &written), -DEV_E_IO);
	assert_true(virtqueue_ready(&fixture->vq));
	assert_int_equal(add(fixture, 1), -DEV_E_IO);
	/* Telling the truth afterwards does not heal it; a new start does. */
	assert_int_equal(virtqueue_take(&fixture->vq, &written), -DEV_E_IO);
	virtqueue_init(&fixture->vq, fixture->memory, SIZE);
	assert_true(add(fixture, 1) >= 0);
}

static void id_beyond_the_ring_breaks(void **state)
{
	add(*state, 1);
	device_use(*state, SIZE, 1);
	assert_broken(*state);
}

static void id_with_high_bits_breaks(void **state)
{
	int head = add(*state, 1);

	device_use(*state, 0x10000U + (uint32_t)head, 1);
	assert_broken(*state);
}

static void id_of_no_chain_breaks(void **state)
{
	int head = add(*state, 1);

	device_use(*state, (uint32_t)head + 1, 1);
	assert_broken(*state);
}

static void id_in_the_middle_of_a_chain_breaks(void **state)
{
	struct fixture *fixture = *state;
	int head = add(fixture, 3);

	device_use(fixture, fixture->vq.desc[head].next, 1);
	assert_broken(fixture);
}

static void same_chain_twice_breaks(void **state)
{
	struct fixture *fixture = *state;
	uint32_t written;
	int head = add(fixture, 1);

	assert_true(add(fixture, 1) >= 0);
	device_use(fixture, (uint32_t)head, 1);
	device_use(fixture, (uint32_t)head, 1);
	assert_int_equal(virtqueue_take(&fixture->vq, &written), head);
	assert_broken(fixture);
}

static void more_used_than_handed_out_breaks(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 1);
	fixture->vq.used->idx = 2;
	assert_broken(fixture);
}

static void used_index_going_back_breaks(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 1);
	fixture->vq.used->idx = 0xffff;
	assert_broken(fixture);
}

static void more_written_than_writable_breaks(void **state)
{
	int head = add(*state, 3);

	device_use(*state, (uint32_t)head, PART_BYTES + 1);
	assert_broken(*state);
}

static void descriptors_overwritten_by_the_device_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	uint32_t written;
	int head = add(fixture, 3);

	memset((void *)(uintptr_t)fixture->vq.desc, 0xff, SIZE * sizeof(struct virtq_desc));
	memset((void *)(uintptr_t)fixture->vq.avail->ring, 0xff, SIZE * sizeof(uint16_t));
	device_use(fixture, (uint32_t)head, 1);
	assert_int_equal(virtqueue_take(&fixture->vq, &written), head);
	for (int i = 0; i < SIZE; i++)
		assert_true(add(fixture, 1) >= 0);
	assert_int_equal(add(fixture, 1), -DEV_E_AGAIN);
}

/* Whatever the device scribbles, a chain comes back at most once, within bounds, or the queue breaks. */
static void random_scribbling_never_yields_a_chain_not_handed_out(void **state)
{
	struct fixture *fixture = *state;
	unsigned int seed = (unsigned int)time(NULL), broken = 0;

	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		unsigned int out = 0;

		virtqueue_init(&fixture->vq, fixture->memory, SIZE);
		for (int step = 0; step < 30; step++) {
			uint32_t written = 0;
			int head = add(fixture, 1 + (size_t)rand() % 3);

			if (head >= 0)
				out |= 1U << head;
			if (rand() % 8 == 0)
				fixture->vq.used->idx = (uint16_t)rand();
			device_use(fixture, (uint32_t)rand() % (SIZE + 2), (uint32_t)rand() % (PART_BYTES + 2));
			head = virtqueue_take(&fixture->vq, &written);
			if (head < 0)
				continue;
			assert_true(out & 1U << head);
			assert_true(written <= PART_BYTES);
			out &= ~(1U << head);
		}
		broken += fixture->vq.broken;
	}
	assert_true(broken > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chain_reaches_the_device_as_given, setup, teardown),
		cmocka_unit_test_setup_teardown(full_ring_says_again_until_a_chain_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(chains_survive_index_wrap_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(id_beyond_the_ring_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(id_with_high_bits_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(id_of_no_chain_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(id_in_the_middle_of_a_chain_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(same_chain_twice_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(more_used_than_handed_out_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(used_index_going_back_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(more_written_than_writable_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_overwritten_by_the_device_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(random_scribbling_never_yields_a_chain_not_handed_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
