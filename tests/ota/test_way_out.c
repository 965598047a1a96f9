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

/* One start after a watchdog reset, of an app that says well at once and hangs two seconds later. */
static void hang_after_well(void)
{
	host.boot.reset_cause = OTA_CAUSE_WATCHDOG;
	assert_true(fake_host_begin(&host));
	ota_on_link(host.ota, true);
	if (host.running.mode == OTA_MODE_SAFE)
		return;
	ota_on_health(host.ota, true);
	fake_host_run(&host, 2000);
}

/* The kernel of one that hangs with its interrupts off says nothing: U-Boot alone knows that the watchdog did it. */
static void hangs_after_well_lead_to_safe_mode(void **state)
{
	unsigned int lives = 0;

	(void)state;
	do {
		hang_after_well();
		lives++;
	} while (host.running.mode != OTA_MODE_SAFE && lives < 20);
	assert_int_equal(lives, 4);
	/* In the other mode too, the count stays until it lived for a while. */
	assert_int_equal(fake_boot_record(&host.boot).starts, 4);
	fake_host_run(&host, 61 * 1000);
	assert_int_equal(fake_boot_record(&host.boot).starts, 0);
}

static void resets_that_nobody_is_to_blame_for_do_not_climb(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		assert_true(fake_host_begin(&host));
		assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
		ota_on_health(host.ota, true);
		fake_host_run(&host, 2000);
		assert_int_equal(fake_boot_record(&host.boot).starts, 0);
	}
}

static void to_safe_mode(void)
{
	for (int i = 0; i < 4 && host.running.mode != OTA_MODE_SAFE; i++)
		hang_after_well();
	assert_int_equal(host.running.mode, OTA_MODE_SAFE);
}

static void safe_mode_is_left_after_a_while_that_grows(void **state)
{
	static const unsigned minutes[] = {10, 20, 40, 80, 160, 320, 360, 360};

	(void)state;
	for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
		to_safe_mode();
		fake_host_run(&host, ((uint64_t)minutes[i] * 60 - 1) * 1000);
		assert_false(host.reboot);
		fake_host_run(&host, 2000);
		assert_true(host.reboot);
		/* An orderly reset, and the app has its turn; it must hold for a while before that counts. */
		assert_true(fake_host_begin(&host));
		assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
		ota_on_health(host.ota, true);
		fake_host_run(&host, 2000);
		assert_int_equal(fake_boot_record(&host.boot).safe_resets, i + 1);
		assert_int_equal(fake_boot_record(&host.boot).starts, 1);
	}
	assert_true(fake_host_begin(&host));
	ota_on_health(host.ota, true);
	fake_host_run(&host, 61 * 1000);
	assert_int_equal(fake_boot_record(&host.boot).safe_resets, 0);
	to_safe_mode();
	fake_host_run(&host, 601 * 1000);
	assert_true(host.reboot);
}

/* v3 runs in slot a, v2 is in slot b; both confirmed, of one counter. */
static void v3_over_v2(void)
{
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	host.job = &v3;
	host.job_id = "job-2";
	host.terminals = 0;
	assert_true(fake_host_settle(&host, 3));
	assert_runs(&v3, OTA_SLOT_A);
	host.job = NULL;
}

/* Without the broker nothing says that this image can be reached at all: the ladder goes on, in time to the other slot. */
static void safe_mode_that_nobody_can_reach_climbs_on(void **state)
{
	unsigned int minutes = 0;

	(void)state;
	v3_over_v2();
	for (int i = 0; i < 4; i++)
		assert_true(fake_host_begin(&host));
	while (host.running.mode == OTA_MODE_SAFE && minutes < 200) {
		fake_host_run(&host, 60 * 1000);
		minutes++;
		if (host.reboot)
			assert_true(fake_host_begin(&host));
	}
	assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
	assert_runs(&v2, OTA_SLOT_B);
	assert_in_range(minutes, 70, 80);
}

static void safe_mode_waits_for_the_update_under_way(void **state)
{
	(void)state;
	to_safe_mode();
	host.link = true;
	host.servers[0].kind = SERVER_SILENT;
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	fake_host_run(&host, 3600 * 1000);
	assert_false(host.reboot);
	host.servers[0].kind = SERVER_GOOD;
	fake_host_run(&host, 3600 * 1000);
	assert_true(host.reboot);
	assert_int_equal(fake_boot_record(&host.boot).safe_resets, 0);
	host.job = &v2;
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

/* A safe mode whose leaving cannot be counted would end every ten minutes. */
static void safe_mode_is_not_left_uncounted(void **state)
{
	(void)state;
	to_safe_mode();
	host.flash.fail_write_lba = FAKE_RECORD_0;
	host.flash.stuck_lba = FAKE_RECORD_1;
	fake_host_run(&host, 3600 * 1000);
	assert_false(host.reboot);
	host.flash.fail_write_lba = host.flash.stuck_lba = UINT32_MAX;
	fake_host_run(&host, 601 * 1000);
	assert_true(host.reboot);
}

/* The journal cannot be written any more: each start finds the job of long ago, whose image is confirmed. Its starts must not count. */
static void worn_journal_does_not_climb_the_ladder(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, 3600 * 1000));
	host.flash.fail_write_lba = FAKE_STATE;
	host.flash.stuck_lba = FAKE_STATE + 8;
	assert_true(fake_host_live(&host, 60 * 1000));
	for (int i = 0; i < 6; i++) {
		assert_true(fake_host_begin(&host));
		assert_runs(&v2, OTA_SLOT_B);
		fake_host_run(&host, 1000);
		ota_on_health(host.ota, true); /* later than the core finds its job */
		fake_host_run(&host, 1000);
		assert_int_equal(fake_boot_record(&host.boot).starts, 0);
	}
}

/* The boot loader took to the other slot, and the operator wants what runs there: that must outlast the record. */
static void image_that_the_operator_keeps_outlasts_the_record(void **state)
{
	uint8_t junk[512] = {1};

	(void)state;
	v3_over_v2();
	host.behaviour[2] = IMAGE_DIES_EARLY;
	for (int i = 0; i < 6; i++)
		assert_true(fake_host_live(&host, 1000));
	assert_true(fake_host_begin(&host));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_A);
	assert_int_equal(fake_host_offer(&host, &v2, "job-3"), 0);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_B);
	assert_int_equal(ram_flash_write(&host.flash, FAKE_RECORD_0, junk, 1), 0);
	assert_int_equal(ram_flash_write(&host.flash, FAKE_RECORD_1, junk, 1), 0);
	assert_true(fake_host_begin(&host));
	assert_runs(&v2, OTA_SLOT_B);
}

/* The record was made anew while the other slot did not verify: nobody knew how high its mark is. */
static void mark_of_an_unknown_slot_is_outranked_once_and_for_all(void **state)
{
	struct ota_confirm_mark mark = {.seq = 1000, .counter = 2};
	uint8_t header[512], junk[512] = {1};
	uint64_t ops;

	(void)state;
	v3_over_v2();
	memcpy(mark.digest, v2.image.digest, sizeof(mark.digest));
	ota_confirm_mark_encode(&mark, host.flash.now[FAKE_SLOT_B + FAKE_SLOT_SECTORS - 1]);
	memcpy(header, host.flash.now[FAKE_SLOT_B], sizeof(header));
	memcpy(host.flash.now[FAKE_SLOT_B], junk, sizeof(junk));
	assert_int_equal(ram_flash_write(&host.flash, FAKE_RECORD_0, junk, 1), 0);
	assert_int_equal(ram_flash_write(&host.flash, FAKE_RECORD_1, junk, 1), 0);
	assert_true(fake_host_begin(&host));
	assert_runs(&v3, OTA_SLOT_A);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 60 * 1000);
	ops = host.flash.ops;
	fake_host_run(&host, 600 * 1000);
	assert_int_equal(host.flash.ops, ops); /* settled: nothing is written again and again */
	memcpy(host.flash.now[FAKE_SLOT_B], header, sizeof(header));
	assert_int_equal(ram_flash_write(&host.flash, FAKE_RECORD_0, junk, 1), 0);
	assert_int_equal(ram_flash_write(&host.flash, FAKE_RECORD_1, junk, 1), 0);
	assert_true(fake_host_begin(&host));
	assert_runs(&v3, OTA_SLOT_A);
}

static void reads_fail(unsigned times)
{
	host.flash.fail_reads_below = FAKE_STATE;
	host.flash.fail_reads = times;
}

/* v2 is armed, v1 runs. */
static struct ota_bootrec armed(void)
{
	host.job = &v2;
	assert_true(fake_host_live(&host, 3600 * 1000));
	assert_true(host.reboot);
	return fake_boot_record(&host.boot);
}

static void read_errors_that_pass_cost_nothing(void **state)
{
	(void)state;
	(void)armed();
	reads_fail(4); /* of six at most for the two copies */
	assert_true(fake_host_begin(&host));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.running.mode, OTA_MODE_TRIAL);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].tries_left, 2);
}

/* Neither boot loader nor agent may put a record of their own over one that they could not read. */
static void unreadable_record_is_left_alone_until_it_can_be_read(void **state)
{
	struct ota_bootrec before = armed(), after;

	(void)state;
	reads_fail(UINT32_MAX);
	assert_true(fake_host_begin(&host));
	assert_runs(&v1, OTA_SLOT_A); /* by its confirm mark; an unknown try cannot be taken */
	assert_int_equal(host.start_result, -OTA_E_IO);
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 120 * 1000);
	assert_int_equal(fake_host_offer(&host, &v3, "job-2"), -OTA_E_IO);
	assert_int_equal(host.terminals, 0);
	reads_fail(0);
	after = fake_boot_record(&host.boot);
	assert_int_equal(after.seq, before.seq);
	/* From now on all is as it was: the trial has its turn. */
	host.link = true;
	fake_host_run(&host, 60 * 1000);
	assert_true(host.reboot);
	host.job_id = "job-1";
	host.job = &v2;
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

/* Started without the record, by a boot loader that could not read the other slot either: it must not make itself at home. */
static void image_below_the_floor_leaves_when_the_record_can_be_read(void **state)
{
	uint8_t header[512], junk[512] = {1};
	struct ota_bootrec record;

	(void)state;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	host.job = NULL;
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
	memcpy(header, host.flash.now[FAKE_SLOT_B], sizeof(header));
	memcpy(host.flash.now[FAKE_SLOT_B], junk, sizeof(junk));
	reads_fail(UINT32_MAX);
	assert_true(fake_host_begin(&host));
	assert_runs(&v1, OTA_SLOT_A);
	memcpy(host.flash.now[FAKE_SLOT_B], header, sizeof(header));
	reads_fail(0);
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 50 * 1000);
	assert_int_equal(fake_host_offer(&host, &v3, "job-3"), -OTA_E_BUSY);
	fake_host_run(&host, 60 * 1000);
	assert_true(host.reboot);
	record = fake_boot_record(&host.boot);
	assert_int_equal(record.active, OTA_SLOT_B);
	assert_int_equal(record.slot[OTA_SLOT_B].state, OTA_SLOT_CONFIRMED);
	assert_true(fake_host_begin(&host));
	assert_runs(&v2, OTA_SLOT_B);
}

/* One that stays so is lost: written anew, or the device would never take an update again. */
static void record_that_stays_unreadable_is_made_anew(void **state)
{
	uint8_t before[512];

	(void)state;
	assert_true(fake_host_live(&host, 1000));
	memcpy(before, host.flash.now[FAKE_RECORD_0], sizeof(before));
	reads_fail(UINT32_MAX);
	assert_true(fake_host_begin(&host));
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 590 * 1000);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), -OTA_E_IO);
	assert_memory_equal(host.flash.now[FAKE_RECORD_0], before, sizeof(before));
	fake_host_run(&host, 20 * 1000);
	reads_fail(0); /* what was written over is whole again */
	assert_memory_not_equal(host.flash.now[FAKE_RECORD_0], before, sizeof(before));
	host.link = true;
	fake_host_run(&host, 60 * 1000);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	assert_true(fake_host_settle(&host, 3));
	assert_runs(&v2, OTA_SLOT_B);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(worn_mark_sector_does_not_hold_the_job_for_ever),
		DEVICE_TEST(last_resort_that_never_gets_well_takes_a_job),
		DEVICE_TEST(early_panics_after_well_lead_to_safe_mode),
		DEVICE_TEST(hangs_after_well_lead_to_safe_mode),
		DEVICE_TEST(resets_that_nobody_is_to_blame_for_do_not_climb),
		DEVICE_TEST(safe_mode_is_left_after_a_while_that_grows),
		DEVICE_TEST(safe_mode_that_nobody_can_reach_climbs_on),
		DEVICE_TEST(safe_mode_waits_for_the_update_under_way),
		DEVICE_TEST(safe_mode_is_not_left_uncounted),
		DEVICE_TEST(worn_journal_does_not_climb_the_ladder),
		DEVICE_TEST(image_that_the_operator_keeps_outlasts_the_record),
		DEVICE_TEST(mark_of_an_unknown_slot_is_outranked_once_and_for_all),
		DEVICE_TEST(read_errors_that_pass_cost_nothing),
		DEVICE_TEST(unreadable_record_is_left_alone_until_it_can_be_read),
		DEVICE_TEST(image_below_the_floor_leaves_when_the_record_can_be_read),
		DEVICE_TEST(record_that_stays_unreadable_is_made_anew),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
