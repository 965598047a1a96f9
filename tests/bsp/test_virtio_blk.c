/* SPDX-License-Identifier: Apache-2.0 */
/* The block driver over a fake device: what it asks for, and what it makes of a device that fails, lies or stays silent. */
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

const struct virtio_driver virtio_drivers[] = {{VIRTIO_ID_BLK, virtio_blk_probe}};
const size_t virtio_drivers_count = 1;

#define SECTORS 5000U
#define F_FLUSH (1ULL << 9)

struct request_header {
	uint32_t type, reserved;
	uint64_t sector;
};

static uint8_t disk[SECTORS * BLK_SECTOR_BYTES];
static uint8_t buffer[SECTORS * BLK_SECTOR_BYTES] __attribute__((aligned(8)));
static unsigned int requests, flushes;
static void (*lie)(const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer);

static void serve(struct virtio_fake *fake, const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	const struct virtio_fake_part *data = &chain->parts[1], *status = &chain->parts[chain->count - 1];
	struct request_header header;

	(void)fake;
	requests++;
	assert_int_equal(chain->parts[0].len, sizeof(header));
	assert_int_equal(status->len, 1);
	memcpy(&header, chain->parts[0].addr, sizeof(header));
	status->addr[0] = 0;
	answer->len = 1;
	if (header.type == 4) {
		flushes++;
	} else {
		assert_true(header.sector * BLK_SECTOR_BYTES + data->len <= sizeof(disk));
		assert_int_equal(data->writable, header.type == 0);
		if (header.type == 0)
			memcpy(data->addr, disk + header.sector * BLK_SECTOR_BYTES, data->len);
		else
			memcpy(disk + header.sector * BLK_SECTOR_BYTES, data->addr, data->len);
		answer->len += header.type == 0 ? data->len : 0;
	}
	if (lie)
		lie(chain, answer);
}

static int group_setup(void **state)
{
	uint64_t sectors = SECTORS;

	(void)state;
	virtio_fake = (struct virtio_fake){
		.version = 2, .id = 2, .features = 1ULL << 32 | F_FLUSH | 1ULL << 40, .queue_max = 128, .serve = serve};
	memcpy(virtio_fake.config, &sectors, sizeof(sectors));
	return virtio_fake_probe();
}

static int setup(void **state)
{
	(void)state;
	lie = NULL;
	requests = flushes = 0;
	virtio_fake.hold = false;
	for (size_t i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i * 7 + i / 512);
	return 0;
}

static int do_read(uint64_t lba, size_t count)
{
	return kernel_fake.blk->ops->read(kernel_fake.blk, lba, buffer, count);
}

/* After whatever went wrong the next request must work. */
static void assert_works(void)
{
	lie = NULL;
	memset(buffer, 0, sizeof(buffer));
	assert_int_equal(do_read(3, 2), 0);
	assert_memory_equal(buffer, disk + 3 * BLK_SECTOR_BYTES, 2 * BLK_SECTOR_BYTES);
}

static void only_known_features_are_accepted(void **state)
{
	(void)state;
	assert_int_equal(virtio_fake.driver_features, 1ULL << 32 | F_FLUSH);
	assert_int_equal(virtio_fake.status, 1 | 2 | 4 | 8);
	assert_int_equal(kernel_fake.blk->sectors, SECTORS);
}

static void large_read_arrives_whole(void **state)
{
	(void)state;
	assert_int_equal(do_read(0, SECTORS), 0);
	assert_memory_equal(buffer, disk, sizeof(disk));
	assert_int_equal(requests, 3);
}

static void write_lands_where_it_should_and_flush_reaches_the_device(void **state)
{
	struct blk_dev *dev = kernel_fake.blk;

	(void)state;
	memset(buffer, 0xa5, 4 * BLK_SECTOR_BYTES);
	assert_int_equal(dev->ops->write(dev, SECTORS - 4, buffer, 4), 0);
	assert_memory_equal(disk + (SECTORS - 4) * BLK_SECTOR_BYTES, buffer, 4 * BLK_SECTOR_BYTES);
	assert_int_equal(flushes, 0);
	assert_int_equal(dev->ops->flush(dev), 0);
	assert_int_equal(flushes, 1);
}

static void beyond_the_end_is_refused_without_a_request(void **state)
{
	struct blk_dev *dev = kernel_fake.blk;

	(void)state;
	assert_int_equal(do_read(SECTORS, 1), -DEV_E_RANGE);
	assert_int_equal(do_read(SECTORS - 1, 2), -DEV_E_RANGE);
	assert_int_equal(do_read(UINT64_MAX, 2), -DEV_E_RANGE);
	assert_int_equal(dev->ops->write(dev, 1, buffer, SIZE_MAX), -DEV_E_RANGE);
	assert_int_equal(dev->ops->panic_write(dev, UINT64_MAX, buffer, 1), -DEV_E_RANGE);
	assert_int_equal(requests, 0);
}

static void lie_error_status(const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)answer;
	chain->parts[chain->count - 1].addr[0] = 1;
}

static void device_error_is_reported(void **state)
{
	struct blk_dev *dev = kernel_fake.blk;

	(void)state;
	lie = lie_error_status;
	assert_int_equal(do_read(0, 1), -DEV_E_IO);
	assert_int_equal(dev->ops->write(dev, 0, buffer, 1), -DEV_E_IO);
	assert_int_equal(dev->ops->flush(dev), -DEV_E_IO);
	assert_works();
}

static void lie_short(const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)chain;
	answer->len = 1;
}

static void read_that_filled_nothing_is_an_error(void **state)
{
	(void)state;
	lie = lie_short;
	assert_int_equal(do_read(0, 1), -DEV_E_IO);
	assert_works();
}

static void lie_status_untouched(const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)answer;
	chain->parts[chain->count - 1].addr[0] = 0xff;
}

static void status_never_written_is_an_error(void **state)
{
	(void)state;
	lie = lie_status_untouched;
	assert_int_equal(do_read(0, 1), -DEV_E_IO);
	assert_works();
}

static void lie_id(const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)chain;
	answer->id = 77;
}

static void lie_len(const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)chain;
	answer->len = UINT32_MAX;
}

static void lie_idx(const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)chain;
	answer->idx_ahead = 9;
}

static void lying_ring_is_an_error_and_resets_the_device(void **state)
{
	void (*const lies[])(const struct virtio_fake_chain *, struct virtio_fake_answer *) = {
		lie_id, lie_len, lie_idx};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		unsigned int resets = virtio_fake.resets;

		lie = lies[i];
		assert_int_equal(do_read(0, 1), -DEV_E_IO);
		assert_int_equal(virtio_fake.resets, resets + 1);
		assert_works();
	}
}

static void lie_silent(const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)chain;
	answer->silent = true;
}

/* The buffer is the device's until it is reset; the caller gets it back only after that. */
static void silent_device_times_out_and_is_reset(void **state)
{
	unsigned int resets = virtio_fake.resets;

	(void)state;
	lie = lie_silent;
	assert_int_equal(do_read(0, 1), -DEV_E_TIMEOUT);
	assert_int_equal(virtio_fake.resets, resets + 1);
	assert_works();
}

/* A panic in the middle of another request: that one is abandoned, the record is written and flushed. */
static void panic_write_works_with_a_request_under_way(void **state)
{
	struct blk_dev *dev = kernel_fake.blk;
	unsigned int resets = virtio_fake.resets;

	(void)state;
	lie = lie_silent;
	(void)do_read(0, 1);
	lie = NULL;
	memset(buffer, 0x5a, 2 * BLK_SECTOR_BYTES);
	assert_int_equal(dev->ops->panic_write(dev, 10, buffer, 2), 0);
	assert_memory_equal(disk + 10 * BLK_SECTOR_BYTES, buffer, 2 * BLK_SECTOR_BYTES);
	assert_int_equal(flushes, 1);
	assert_true(virtio_fake.resets >= resets + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_known_features_are_accepted, setup),
		cmocka_unit_test_setup(large_read_arrives_whole, setup),
		cmocka_unit_test_setup(write_lands_where_it_should_and_flush_reaches_the_device, setup),
		cmocka_unit_test_setup(beyond_the_end_is_refused_without_a_request, setup),
		cmocka_unit_test_setup(device_error_is_reported, setup),
		cmocka_unit_test_setup(read_that_filled_nothing_is_an_error, setup),
		cmocka_unit_test_setup(status_never_written_is_an_error, setup),
		cmocka_unit_test_setup(lying_ring_is_an_error_and_resets_the_device, setup),
		cmocka_unit_test_setup(silent_device_times_out_and_is_reset, setup),
		cmocka_unit_test_setup(panic_write_works_with_a_request_under_way, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
