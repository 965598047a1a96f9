/* SPDX-License-Identifier: Apache-2.0 */
/* No state without a way out: a device in trouble can still be given an image, and does not die in a tight circle. */
#include "device.h"

#define MARK_B (FAKE_SLOT_B + FAKE_SLOT_SECTORS - 1)

static void worn_mark_sector_does_not_hold_the_job_for_ever(void **state)
{
	(void)state;
	host.job = &v2;
	host.flash.stuck_lba = MARK_B;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
	/* And the next one is taken. */
	host.job = &v3;
	host.job_id = "job-2";
	host.terminals = 0;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v3, OTA_SLOT_A);
}

/* Nobody put this image on trial: the boot loader had nothing else. Its app never gets well. */
static void last_resort_that_never_gets_well_takes_a_job(void **state)
{
	struct ota_bootrec record;

	(void)state;
	ota_bootrec_init(&record);
	assert_int_equal(fake_boot_record_put(&host.boot, &record), 0);
	assert_true(fake_host_begin(&host));
	assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
	assert_int_equal(fake_boot_record(&host.boot).slot[0].state, OTA_SLOT_READY);
	ota_on_link(host.ota, true);
	host.link = true;
	/* At first it has its time to be confirmed. */
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), -OTA_E_TRIAL);
	fake_host_run(&host, 121 * 1000);
	assert_false(host.reboot);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	fake_host_run(&host, 60 * 1000);
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

/* A confirmed image that says well and then panics: it must climb the ladder like one that never says so. */
static void early_panics_after_well_lead_to_safe_mode(void **state)
{
	unsigned int lives = 0;

	(void)state;
	assert_true(fake_host_begin(&host));
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 600 * 1000);
	do {
		host.crash = OTA_CAUSE_FAULT;
		assert_true(fake_host_begin(&host));
		ota_on_link(host.ota, true);
		ota_on_health(host.ota, true);
		fake_host_run(&host, 2000);
		lives++;
	} while (host.running.mode == OTA_MODE_NORMAL && lives < 20);
	assert_int_equal(host.running.mode, OTA_MODE_SAFE);
	assert_in_range(lives, 2, 6);
	/* The same image, alive for long: forgiven. */
	fake_host_run(&host, 600 * 1000);
	assert_int_equal(fake_boot_record(&host.boot).starts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(worn_mark_sector_does_not_hold_the_job_for_ever),
		DEVICE_TEST(last_resort_that_never_gets_well_takes_a_job),
		DEVICE_TEST(early_panics_after_well_lead_to_safe_mode),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
