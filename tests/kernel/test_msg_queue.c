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

#include "msg_queue.h"

static struct msg_queue queue;
static struct app_message message;

static int setup(void **state)
{
	(void)state;
	memset(&queue, 0, sizeof(queue));
	return 0;
}

static void test_first_in_first_out(void **state)
{
	(void)state;
	assert_int_equal(msg_queue_take(&queue, &message), 0);
	assert_int_equal(msg_queue_put(&queue, "a", "12345", 5), 0);
	assert_int_equal(msg_queue_put(&queue, "bb", NULL, 0), 0);
	assert_int_equal(msg_queue_take(&queue, &message), 1);
	assert_string_equal(message.name, "a");
	assert_int_equal(message.len, 5);
	assert_memory_equal(message.data, "12345", 5);
	assert_int_equal(msg_queue_take(&queue, &message), 1);
	assert_string_equal(message.name, "bb");
	assert_int_equal(message.len, 0);
	assert_int_equal(msg_queue_take(&queue, &message), 0);
}

static void test_full_refuses_and_keeps(void **state)
{
	uint8_t data[APP_DATA_MAX] = {0};
	int count = 0;

	(void)state;
	while (msg_queue_put(&queue, "name", data, sizeof(data)) == 0)
		count++;
	assert_int_equal(msg_queue_put(&queue, "name", data, sizeof(data)), -APP_E_FULL);
	assert_int_equal(count, MSG_QUEUE_BYTES / (APP_DATA_MAX + 8));
	assert_int_equal(msg_queue_take(&queue, &message), 1);
	assert_int_equal(msg_queue_put(&queue, "name", data, sizeof(data)), 0);
}

/* Many times around the ring: what comes out is what went in. */
static void test_random(void **state)
{
	static uint8_t data[APP_DATA_MAX];
	unsigned int seed = (unsigned int)time(NULL), in = 0, out = 0;
	char name[APP_NAME_MAX];

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int step = 0; step < 100000; step++) {
		if (rand() % 2) {
			size_t len = in * 37 % (APP_DATA_MAX + 1);

			snprintf(name, sizeof(name), "n%u", in);
			memset(data, (int)in, len);
			in += msg_queue_put(&queue, name, data, len) == 0;
		} else if (msg_queue_take(&queue, &message)) {
			snprintf(name, sizeof(name), "n%u", out);
			assert_string_equal(message.name, name);
			assert_int_equal(message.len, out * 37 % (APP_DATA_MAX + 1));
			for (size_t i = 0; i < message.len; i++)
				assert_int_equal(message.data[i], out & 0xff);
			out++;
		}
	}
	assert_true(out > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_first_in_first_out, setup),
		cmocka_unit_test_setup(test_full_refuses_and_keeps, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
