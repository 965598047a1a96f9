/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of kernel/net that need no lwIP: the receive ring and the Internet checksum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "arch/cc.h"
#include "stream_ring.h"

static unsigned int seed_print(void)
{
	unsigned int seed = (unsigned int)time(NULL);

	print_message("seed %u\n", seed);
	srand(seed);
	return seed;
}

/* RFC 1071 §4.1, word by word. */
static uint16_t checksum_by_the_book(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum >> 8 | sum << 8);
}

static void checksum_agrees_with_the_book(void **state)
{
	(void)state;
	(void)seed_print();
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)rand() % 1600, off = (size_t)rand() % 9;
		/* Exactly as long as read, so that the sanitizer sees a byte too many. */
		uint8_t *bytes = malloc(off + len);

		assert_non_null(bytes);
		for (size_t i = 0; i < off + len; i++)
			bytes[i] = (uint8_t)(round % 3 == 0 ? 0xff : rand());
		assert_int_equal(net_port_checksum(bytes + off, (int)len), checksum_by_the_book(bytes + off, len));
		free(bytes);
	}
}

static void ring_is_a_queue_of_bytes(void **state)
{
	uint8_t memory[64], in[64], out[64], put = 0, taken = 0;
	struct stream_ring ring = {.bytes = memory, .capacity = sizeof(memory)};

	(void)state;
	(void)seed_print();
	for (int round = 0; round < 100000; round++) {
		size_t count = (size_t)rand() % (stream_ring_free(&ring) + 1), wanted = (size_t)rand() % sizeof(out);
		size_t used = stream_ring_used(&ring) + count;

		for (size_t i = 0; i < count; i++)
			in[i] = put++;
		stream_ring_put(&ring, in, count);
		assert_int_equal(stream_ring_used(&ring), used);
		count = stream_ring_take(&ring, out, wanted);
		assert_int_equal(count, wanted < used ? wanted : used);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(out[i], taken++);
	}
}

static void ring_fills_to_its_last_byte(void **state)
{
	uint8_t memory[8], data[8] = "abcdefg", out[9] = {0};
	struct stream_ring ring = {.bytes = memory, .capacity = sizeof(memory)};

	(void)state;
	stream_ring_put(&ring, data, 8);
	assert_int_equal(stream_ring_free(&ring), 0);
	assert_int_equal(stream_ring_take(&ring, out, 9), 8);
	assert_memory_equal(out, data, 8);
	assert_int_equal(stream_ring_take(&ring, out, 9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_agrees_with_the_book),
		cmocka_unit_test(ring_is_a_queue_of_bytes),
		cmocka_unit_test(ring_fills_to_its_last_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
