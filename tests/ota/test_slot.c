/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that fail, lie or rot while an update is written. */
#include "device.h"

#include "core.h"

static const uint64_t HOUR_MS = 3600 * 1000;

static void assert_confirmed(void)
{
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
}

static void assert_failed_on_v1(int error)
{
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(host.last_terminal.error, error);
	host.flash.fail_write_lba = host.flash.stuck_lba = UINT32_MAX;
	host.job = NULL;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_runs(&v1, OTA_SLOT_A);
}

static void disk_that_refuses_a_write_ends_the_job_by_name(void **state)
{
	(void)state;
	device_offer(&v2);
	host.flash.fail_write_lba = FAKE_SLOT_B + 20;
	fake_host_run(&host, HOUR_MS);
	assert_int_equal(host.fetches, IO_ERRORS_MAX);
	assert_failed_on_v1(-OTA_E_IO);
}

static void disk_that_refuses_for_a_while_is_tried_again(void **state)
{
	(void)state;
	device_offer(&v2);
	host.flash.fail_write_lba = FAKE_SLOT_B + 20;
	fake_host_run(&host, 20);
	assert_int_equal(host.status.error, -OTA_E_IO);
	host.flash.fail_write_lba = UINT32_MAX;
	fake_host_run(&host, HOUR_MS);
	assert_confirmed();
}

static void disk_that_loses_a_write_is_found_out_by_reading_back(void **state)
{
	(void)state;
	device_offer(&v2);
	host.flash.stuck_lba = FAKE_SLOT_B + 33;
	fake_host_run(&host, HOUR_MS);
	assert_int_equal(host.last_terminal.step, OTA_STEP_DOWNLOAD); /* at once, not at the end */
	assert_failed_on_v1(-OTA_E_READBACK);
}

static void record_that_cannot_be_written_stops_before_the_slot_changes(void **state)
{
	uint8_t before[FAKE_SLOT_SECTORS][512];

	(void)state;
	device_offer(&v2);
	memcpy(before, host.flash.now[FAKE_SLOT_B], sizeof(before));
	host.flash.stuck_lba = FAKE_RECORD_0;
	host.flash.fail_write_lba = FAKE_RECORD_1;
	fake_host_run(&host, HOUR_MS);
	assert_int_equal(host.fetches, 0);
	assert_memory_equal(host.flash.now[FAKE_SLOT_B], before, sizeof(before));
	assert_failed_on_v1(-OTA_E_IO);
}

static void byte_that_rots_before_the_end_is_fetched_again(void **state)
{
	(void)state;
	device_offer(&v2);
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = v2.image.bytes - 100};
	fake_host_run(&host, 5); /* all but the last chunk is in the slot */
	assert_int_equal(host.fetches, 1);
	host.flash.now[FAKE_SLOT_B + 17][5] ^= 0x40;
	host.servers[0].kind = SERVER_GOOD;
	fake_host_run(&host, HOUR_MS);
	assert_int_equal(host.fetches, 3); /* the rest; the chunk that rotted */
	assert_confirmed();
}

/* The image in the slot is exchanged for another, rightly signed one after the download: what counts is what is read back. */
static void slot_changed_between_check_and_use_is_found_out(void **state)
{
	(void)state;
	device_offer(&v2);
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = v2.image.bytes - 100};
	fake_host_run(&host, 5);
	memcpy(host.flash.now[FAKE_SLOT_B], v3.data, v3.image.bytes);
	host.servers[0].kind = SERVER_SILENT;
	fake_host_run(&host, HOUR_MS);
	assert_false(host.reboot);
	assert_int_equal(fake_boot_record(&host.boot).slot[1].state, OTA_SLOT_WRITING);
}

static void manifest_whose_whole_and_parts_disagree_ends_before_the_trial(void **state)
{
	static struct fake_image image;

	(void)state;
	image = v2;
	image.manifest.chunk_digests = image.chunk_digests;
	image.manifest.digest[0] ^= 1;
	fake_image_sign(&image, 0);
	device_offer(&image);
	fake_host_run(&host, HOUR_MS);
	assert_failed_on_v1(-OTA_E_DIGEST);
	assert_int_not_equal(fake_boot_record(&host.boot).slot[1].state, OTA_SLOT_TRIAL);
}

static void nothing_of_an_older_image_stays_in_the_last_sector(void **state)
{
	uint32_t tail = v3.image.bytes % 512;

	(void)state;
	memset(host.flash.now[FAKE_SLOT_B], 0xee, (FAKE_SLOT_SECTORS - 1) * 512);
	device_offer(&v3);
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	for (uint32_t i = tail; i < 512; i++)
		assert_int_equal(host.flash.now[FAKE_SLOT_B + v3.image.bytes / 512][i], 0);
}

static void confirm_mark_is_gone_before_the_first_chunk(void **state)
{
	struct ota_confirm_mark mark = {.seq = 1};

	(void)state;
	ota_confirm_mark_encode(&mark, host.flash.now[FAKE_SLOT_B + FAKE_SLOT_SECTORS - 1]);
	host.servers[0].kind = SERVER_SILENT;
	device_offer(&v2);
	fake_host_run(&host, 10);
	assert_int_equal(host.fetches, 1);
	assert_int_not_equal(ota_confirm_mark_decode(host.flash.now[FAKE_SLOT_B + FAKE_SLOT_SECTORS - 1], &mark), 0);
}

static void confirm_writes_the_mark_of_what_runs(void **state)
{
	struct ota_confirm_mark mark;

	(void)state;
	device_offer(&v2);
	fake_host_run(&host, HOUR_MS);
	assert_confirmed();
	assert_int_equal(ota_confirm_mark_decode(host.flash.now[FAKE_SLOT_B + FAKE_SLOT_SECTORS - 1], &mark), 0);
	assert_memory_equal(mark.digest, v2.image.digest, 32);
	assert_int_equal(mark.counter, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(disk_that_refuses_a_write_ends_the_job_by_name),
		DEVICE_TEST(disk_that_refuses_for_a_while_is_tried_again),
		DEVICE_TEST(disk_that_loses_a_write_is_found_out_by_reading_back),
		DEVICE_TEST(record_that_cannot_be_written_stops_before_the_slot_changes),
		DEVICE_TEST(byte_that_rots_before_the_end_is_fetched_again),
		DEVICE_TEST(slot_changed_between_check_and_use_is_found_out),
		DEVICE_TEST(manifest_whose_whole_and_parts_disagree_ends_before_the_trial),
		DEVICE_TEST(nothing_of_an_older_image_stays_in_the_last_sector),
		DEVICE_TEST(confirm_mark_is_gone_before_the_first_chunk),
		DEVICE_TEST(confirm_writes_the_mark_of_what_runs),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
