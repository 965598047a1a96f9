/* SPDX-License-Identifier: Apache-2.0 */
/* When an image stays: trial, confirm, the count of starts. */
#include "device.h"

static const uint64_t HOUR_MS = 3600 * 1000;

/* v2 runs for the first time, nothing was said of it yet. */
static void trial_begins(void)
{
	host.job = &v2;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(host.reboot);
	assert_true(fake_host_begin(&host));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.running.mode, OTA_MODE_TRIAL);
	host.link = true; /* acknowledgements get through */
}

static uint8_t state_of_v2(void)
{
	return fake_boot_record(&host.boot).slot[OTA_SLOT_B].state;
}

static void well_alone_or_broker_alone_does_not_confirm(void **state)
{
	(void)state;
	trial_begins();
	ota_on_health(host.ota, true);
	fake_host_run(&host, 1000);
	assert_int_equal(state_of_v2(), OTA_SLOT_TRIAL);
	ota_on_health(host.ota, false);
	ota_on_link(host.ota, true);
	fake_host_run(&host, 1000);
	assert_int_equal(state_of_v2(), OTA_SLOT_TRIAL);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 5000);
	assert_int_equal(state_of_v2(), OTA_SLOT_CONFIRMED);
}

/* An app that says well and then returns or crashes must not be confirmed in between. */
static void well_for_a_moment_does_not_confirm(void **state)
{
	(void)state;
	trial_begins();
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 2000);
	assert_int_equal(state_of_v2(), OTA_SLOT_TRIAL);
	ota_on_health(host.ota, false);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 2000);
	assert_int_equal(state_of_v2(), OTA_SLOT_TRIAL);
	fake_host_run(&host, 3000);
	assert_int_equal(state_of_v2(), OTA_SLOT_CONFIRMED);
}

static void broker_lost_after_it_was_reached_does_not_count(void **state)
{
	(void)state;
	trial_begins();
	ota_on_link(host.ota, true);
	ota_on_link(host.ota, false);
	host.link = false;
	ota_on_health(host.ota, true);
	fake_host_run(&host, HOUR_MS);
	assert_false(host.reboot);
	assert_int_equal(state_of_v2(), OTA_SLOT_CONFIRMED);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
	/* The server hears of it when it can. */
	ota_on_link(host.ota, true);
	host.link = true;
	fake_host_run(&host, 1000);
	assert_string_equal(host.told_id, "job-1");
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

static void jobs_own_deadline_counts(void **state)
{
	(void)state;
	host.job_trial_s = 600;
	trial_begins();
	fake_host_run(&host, 599 * 1000);
	assert_false(host.reboot);
	fake_host_run(&host, 2 * 1000);
	assert_true(host.reboot);
	assert_int_equal(state_of_v2(), OTA_SLOT_BAD);
	assert_int_equal(fake_boot_record(&host.boot).failed[0].cause, OTA_CAUSE_HEALTH_TIMEOUT);
}

static void host_that_does_not_reset_is_asked_again(void **state)
{
	(void)state;
	trial_begins();
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	host.reboot = false;
	fake_host_run(&host, 60 * 1000);
	assert_true(host.reboot);
}

static void confirm_that_cannot_be_written_is_tried_until_it_can(void **state)
{
	(void)state;
	trial_begins();
	host.flash.fail_write_lba = FAKE_RECORD_0;
	host.flash.stuck_lba = FAKE_RECORD_1;
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 10 * 1000);
	assert_int_equal(host.terminals, 0);
	assert_int_equal(state_of_v2(), OTA_SLOT_TRIAL);
	host.flash.fail_write_lba = host.flash.stuck_lba = UINT32_MAX;
	fake_host_run(&host, 10 * 1000);
	assert_int_equal(state_of_v2(), OTA_SLOT_CONFIRMED);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

static void factory_image_gets_its_mark_once_it_is_well(void **state)
{
	struct ota_confirm_mark mark;
	const uint8_t *sector;

	(void)state;
	assert_true(fake_host_begin(&host));
	sector = host.flash.now[FAKE_SLOT_A + FAKE_SLOT_SECTORS - 1];
	ota_on_link(host.ota, true);
	assert_int_not_equal(ota_confirm_mark_decode(sector, &mark), 0);
	ota_on_health(host.ota, true);
	assert_int_equal(ota_confirm_mark_decode(sector, &mark), 0);
	assert_memory_equal(mark.digest, v1.image.digest, 32);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 1);
}

static void starts_are_cleared_when_well_and_not_before(void **state)
{
	(void)state;
	assert_true(fake_host_begin(&host));
	assert_true(fake_host_begin(&host));
	assert_int_equal(fake_boot_record(&host.boot).starts, 2);
	ota_on_link(host.ota, true);
	assert_int_equal(fake_boot_record(&host.boot).starts, 2);
	ota_on_health(host.ota, true);
	assert_int_equal(fake_boot_record(&host.boot).starts, 0);
}

static void starts_that_could_not_be_cleared_are_cleared_later(void **state)
{
	(void)state;
	assert_true(fake_host_begin(&host));
	host.flash.fail_write_lba = FAKE_RECORD_0;
	host.flash.stuck_lba = FAKE_RECORD_1;
	ota_on_health(host.ota, true);
	assert_int_equal(fake_boot_record(&host.boot).starts, 1);
	host.flash.fail_write_lba = host.flash.stuck_lba = UINT32_MAX;
	fake_host_run(&host, 60 * 1000); /* without another event */
	assert_int_equal(fake_boot_record(&host.boot).starts, 0);
}

/* The record knows the slot by another digest: the boot loader started it because nothing else could be. */
static void image_of_last_resort_has_no_deadline(void **state)
{
	struct ota_bootrec record;

	(void)state;
	assert_true(fake_host_begin(&host));
	record = fake_boot_record(&host.boot);
	record.slot[0].state = OTA_SLOT_WRITING;
	record.active = OTA_SLOT_NONE;
	assert_int_equal(fake_boot_record_put(&host.boot, &record), 0);
	assert_true(fake_host_begin(&host));
	assert_runs(&v1, OTA_SLOT_A);
	fake_host_run(&host, HOUR_MS);
	assert_false(host.reboot);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_NONE);
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	fake_host_run(&host, 5000);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_A);
}

static void crash_in_a_trial_is_named_before_the_tries_are_used_up(void **state)
{
	(void)state;
	trial_begins();
	host.crash = OTA_CAUSE_HEAP_EXHAUSTED;
	assert_true(fake_host_begin(&host)); /* second try */
	assert_int_equal(host.running.mode, OTA_MODE_TRIAL);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].cause, OTA_CAUSE_HEAP_EXHAUSTED);
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 5000);
	assert_int_equal(state_of_v2(), OTA_SLOT_CONFIRMED);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].cause, OTA_CAUSE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(well_alone_or_broker_alone_does_not_confirm),
		DEVICE_TEST(well_for_a_moment_does_not_confirm),
		DEVICE_TEST(broker_lost_after_it_was_reached_does_not_count),
		DEVICE_TEST(jobs_own_deadline_counts),
		DEVICE_TEST(host_that_does_not_reset_is_asked_again),
		DEVICE_TEST(confirm_that_cannot_be_written_is_tried_until_it_can),
		DEVICE_TEST(factory_image_gets_its_mark_once_it_is_well),
		DEVICE_TEST(starts_are_cleared_when_well_and_not_before),
		DEVICE_TEST(starts_that_could_not_be_cleared_are_cleared_later),
		DEVICE_TEST(image_of_last_resort_has_no_deadline),
		DEVICE_TEST(crash_in_a_trial_is_named_before_the_tries_are_used_up),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
