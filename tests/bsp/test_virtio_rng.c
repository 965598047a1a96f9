/* SPDX-License-Identifier: Apache-2.0 */
/* The entropy driver: short answers are completed, a device that gives nothing is an error, never zeros. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/dev.h"
#include "virtio/virtio_mmio.h"

#include "kernel_fake.h"
#include "virtio_fake.h"

const struct virtio_driver virtio_drivers[] = {{VIRTIO_ID_RNG, virtio_rng_probe}};
const size_t virtio_drivers_count = 1;

static uint8_t next_byte;
static uint32_t give_max;
static bool silent;
static const uint8_t *last_buffer;
static uint32_t last_len;

static void serve(struct virtio_fake *fake, const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)fake;
	answer->len = chain->parts[0].len < give_max ? chain->parts[0].len : give_max;
	for (uint32_t i = 0; i < answer->len; i++)
		chain->parts[0].addr[i] = next_byte++ | 1;
	last_buffer = chain->parts[0].addr;
	last_len = answer->len;
	answer->silent = silent;
}

static int group_setup(void **state)
{
	(void)state;
	virtio_fake =
		(struct virtio_fake){.version = 2, .id = 4, .features = 1ULL << 32, .queue_max = 8, .serve = serve};
	return virtio_fake_probe();
}

static int fill(uint8_t *buf, size_t len)
{
	memset(buf, 0, len);
	return kernel_fake.rng->ops->fill(kernel_fake.rng, buf, len);
}

static void short_answers_are_completed(void **state)
{
	uint8_t buf[1000];

	(void)state;
	give_max = 7;
	next_byte = 0;
	assert_int_equal(fill(buf, sizeof(buf)), 0);
	for (size_t i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], (uint8_t)(i | 1));
}

static void nothing_given_is_an_error(void **state)
{
	uint8_t buf[16];

	(void)state;
	give_max = 0;
	assert_int_equal(fill(buf, sizeof(buf)), -DEV_E_IO);
	give_max = 16;
	assert_int_equal(fill(buf, sizeof(buf)), 0);
}

static void silent_device_times_out_and_is_reset(void **state)
{
	unsigned int resets = virtio_fake.resets;
	uint8_t buf[16];

	(void)state;
	silent = true;
	assert_int_equal(fill(buf, sizeof(buf)), -DEV_E_TIMEOUT);
	silent = false;
	assert_int_equal(virtio_fake.resets, resets + 1);
	assert_int_equal(fill(buf, sizeof(buf)), 0);
}

static void nothing_handed_out_stays_behind(void **state)
{
	uint8_t buf[32];

	(void)state;
	give_max = 32;
	assert_int_equal(fill(buf, sizeof(buf)), 0);
	for (uint32_t i = 0; i < last_len; i++)
		assert_int_equal(last_buffer[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_answers_are_completed),
		cmocka_unit_test(nothing_given_is_an_error),
		cmocka_unit_test(silent_device_times_out_and_is_reset),
		cmocka_unit_test(nothing_handed_out_stays_behind),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
