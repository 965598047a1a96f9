/* SPDX-License-Identifier: Apache-2.0 */
/* What a start finds: boot record, journal and what runs, agreeing or not. What runs is right. */
#include "device.h"

#include "core.h"

enum { STATE_BANK = FAKE_STATE + 16 };

static const uint64_t HOUR_MS = 3600 * 1000;

/* The device armed a trial of v2 and was asked to reset. */
static void device_arm(void)
{
	host.job = &v2;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(host.reboot);
}

static void sectors_ruin(uint32_t first, uint32_t second)
{
	host.flash.now[first][100] ^= 0x55;
	host.flash.now[second][100] ^= 0x55;
}

/* The core starts anew as what host.running says, whatever the boot loader would have said. */
static int core_start_as(uint8_t slot, uint8_t mode, const struct ota_image *image)
{
	const struct ota_port *port = host.ota->port;

	host.config.running_slot = slot;
	host.config.boot_mode = mode;
	host.config.running = *image;
	host.running = (struct fake_start){.slot = slot, .mode = mode, .image = *image};
	host.flash.guard_sectors = 0;
	host.reboot = host.fetching = host.link = false;
	ota_init(host.ota, &host.config, port, &host);
	return ota_start(host.ota);
}

/* A boot loader that cannot write the record does not start a trial: the device asks for it a few times, then gives the image up. */
static void armed_image_that_is_never_started_is_given_up(void **state)
{
	unsigned resets = 0;

	(void)state;
	device_arm();
	do {
		assert_int_equal(core_start_as(OTA_SLOT_A, OTA_MODE_NORMAL, &v1.image), 0);
		fake_host_connect(&host);
		fake_host_run(&host, 1000);
		resets += host.reboot;
	} while (host.reboot && resets < 50);
	assert_in_range(resets, 2, REBOOTS_MAX);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(host.last_terminal.error, -OTA_E_RECORD);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].state, OTA_SLOT_BAD);
	assert_int_equal(fake_boot_record(&host.boot).failed[0].cause, OTA_CAUSE_RECORD_UNWRITABLE);
	host.job = NULL;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_runs(&v1, OTA_SLOT_A);
}

static void record_lost_under_a_trial_is_rebuilt_as_a_trial(void **state)
{
	struct ota_bootrec record;

	(void)state;
	device_arm();
	assert_true(fake_host_begin(&host));
	assert_int_equal(host.running.mode, OTA_MODE_TRIAL);
	sectors_ruin(FAKE_RECORD_0, FAKE_RECORD_1);
	assert_int_equal(core_start_as(OTA_SLOT_B, OTA_MODE_TRIAL, &v2.image), -OTA_E_RECORD);
	record = fake_boot_record(&host.boot);
	assert_int_equal(record.slot[OTA_SLOT_B].state, OTA_SLOT_TRIAL);
	assert_in_range(record.slot[OTA_SLOT_B].tries_left, 1, OTA_BOOTREC_TRIES - 1);
	ota_on_health(host.ota, true);
	fake_host_connect(&host);
	fake_host_run(&host, 60 * 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
}

/* The marks keep what the record knew: the floor, and which confirm was the last. */
static void record_lost_after_a_confirm_keeps_floor_and_order(void **state)
{
	struct ota_bootrec before, after;

	(void)state;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	before = fake_boot_record(&host.boot);
	sectors_ruin(FAKE_RECORD_0, FAKE_RECORD_1);
	assert_int_equal(core_start_as(OTA_SLOT_B, OTA_MODE_NORMAL, &v2.image), -OTA_E_RECORD);
	after = fake_boot_record(&host.boot);
	assert_int_equal(after.active, OTA_SLOT_B);
	assert_int_equal(after.min_counter, before.min_counter);
	assert_in_range(after.seq, 2, before.seq + 2);
	/* What the other slot holds is not known any more; v1 is too old in any case. */
	host.job = &v1;
	host.job_id = "job-2";
	host.terminals = 0;
	fake_host_connect(&host);
	assert_int_equal(host.last_terminal.error, -OTA_E_COUNTER);
}

static void record_that_can_be_neither_read_nor_written_is_an_error(void **state)
{
	(void)state;
	assert_true(fake_host_begin(&host));
	host.disk_fail_from = host.disk_calls;
	host.disk_fail_count = UINT64_MAX;
	assert_int_equal(core_start_as(OTA_SLOT_A, OTA_MODE_NORMAL, &v1.image), -OTA_E_IO);
	ota_on_health(host.ota, true);
	fake_host_run(&host, HOUR_MS);
	host.disk_fail_count = 0;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	assert_runs(&v2, OTA_SLOT_B);
}

static void download_is_broken_off(void)
{
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = 20000};
	device_offer(&v2);
	fake_host_run(&host, 20);
	host.servers[0].kind = SERVER_GOOD;
}

static void job_whose_manifest_was_lost_waits_for_the_server(void **state)
{
	struct ota_status status;

	(void)state;
	download_is_broken_off();
	host.flash.now[STATE_BANK + 2][0] ^= 1;
	assert_true(fake_host_begin(&host));
	ota_status_get(host.ota, &status);
	assert_string_equal(status.job_id, "");
	assert_int_equal(host.terminals, 0);
	assert_true(fake_host_settle(&host, 3));
	assert_runs(&v2, OTA_SLOT_B);
	assert_in_range(host.body_bytes, v2.image.bytes, 20000 + v2.image.bytes); /* the slot still had its chunks */
}

static void only_trust_is_written(void *ctx, const struct ram_flash_op *op)
{
	(void)ctx;
	if (!op->is_flush && op->lba < FAKE_TRUST)
		host.flash.fail_write_lba = op->lba;
}

/* The device learns that the key counts no more, and the power goes before it has noted what that means for the download. */
static void download_under_a_key_that_no_longer_counts_is_not_resumed(void **state)
{
	static struct fake_keyset revoking;

	(void)state;
	download_is_broken_off();
	fake_keyset_make(&revoking, 2);
	fake_role_make(&revoking.keyset.release, 1, (const unsigned[]){1}, 1);
	fake_keyset_sign(&revoking, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1}, 2);
	assert_true(fake_host_begin(&host));
	host.flash.watch = only_trust_is_written;
	assert_int_equal(ota_on_keyset(host.ota, revoking.envelope, revoking.len), 0);
	host.flash.watch = NULL;
	host.flash.fail_write_lba = UINT32_MAX;
	memset(&host.last_terminal, 0, sizeof(host.last_terminal));
	host.fetches = 0;
	assert_true(fake_host_begin(&host));
	fake_host_run(&host, 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -OTA_E_SIG);
	assert_int_equal(host.fetches, 0);
}

static void download_below_a_floor_that_rose_is_not_resumed(void **state)
{
	struct ota_image running = v1.image; /* the floor rose with what runs */
	struct ota_bootrec record;

	(void)state;
	download_is_broken_off();
	record = fake_boot_record(&host.boot);
	record.min_counter = running.counter = 3;
	assert_int_equal(fake_boot_record_put(&host.boot, &record), 0);
	assert_int_equal(core_start_as(OTA_SLOT_A, OTA_MODE_NORMAL, &running), 0);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -OTA_E_COUNTER);
}

/* The record says confirmed, the rest of the confirm is missing: the next start does it, and only then is success told. */
static void confirm_that_was_cut_short_is_finished(void **state)
{
	struct ota_confirm_mark mark;

	(void)state;
	device_arm();
	assert_true(fake_host_begin(&host));
	host.flash.fail_write_lba = FAKE_SLOT_B + FAKE_SLOT_SECTORS - 1;
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	fake_host_run(&host, 4000);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_B);
	assert_int_equal(host.terminals, 0);
	host.flash.fail_write_lba = UINT32_MAX;
	assert_true(fake_host_begin(&host));
	assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
	fake_host_run(&host, 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
	assert_int_equal(ota_confirm_mark_decode(host.flash.now[FAKE_SLOT_B + FAKE_SLOT_SECTORS - 1], &mark), 0);
}

/* The new image failed its trial, and then the old one rotted: the failed one runs in safe mode, says so, and takes the next. */
static void failed_image_that_runs_as_the_last_resort_says_so_and_takes_a_job(void **state)
{
	(void)state;
	host.behaviour[1] = IMAGE_NEVER_WELL;
	device_arm();
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(host.reboot);
	host.flash.now[FAKE_SLOT_A + 4][9] ^= 1;
	assert_true(fake_host_begin(&host));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.running.mode, OTA_MODE_SAFE);
	fake_host_connect(&host);
	fake_host_run(&host, 10 * 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(host.last_terminal.error, -OTA_E_ROLLED_BACK);
	assert_int_equal(host.last_terminal.cause, OTA_CAUSE_HEALTH_TIMEOUT);
	assert_int_equal(fake_host_offer(&host, &v2, "job-2"), -OTA_E_SAME);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(fake_host_offer(&host, &v3, "job-3"), 0);
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v3, OTA_SLOT_A);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

/* The job's addresses cannot be read when its image was rolled back: the server, which asks again, hears the same end again. */
static void end_of_a_job_whose_bank_is_unreadable_stands(void **state)
{
	(void)state;
	host.behaviour[1] = IMAGE_NEVER_WELL;
	device_arm();
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(host.reboot);
	host.flash.now[FAKE_STATE + 16][3] ^= 1;
	assert_true(fake_host_begin(&host));
	assert_runs(&v1, OTA_SLOT_A);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
		assert_int_equal(host.status.outcome, OTA_FAILED);
		assert_int_equal(host.status.error, -OTA_E_ROLLED_BACK);
		assert_int_equal(host.status.cause, OTA_CAUSE_HEALTH_TIMEOUT);
	}
	assert_int_equal(fake_host_offer(&host, &v2, "job-2"), -OTA_E_FAILED_BEFORE);
}

/* An old journal under a new trial, as a disk that loses flushed writes leaves it: the trial decides, the old job is nobody's. */
static void journal_of_another_job_does_not_disturb_a_trial(void **state)
{
	uint8_t old[FAKE_STATE_SECTORS][512];
	struct ota_status status;

	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	device_offer(&v3);
	fake_host_run(&host, 1000);
	memcpy(old, host.flash.now[FAKE_STATE], sizeof(old));
	host.servers[0].kind = SERVER_GOOD;
	assert_int_equal(fake_host_offer(&host, &v2, "job-2"), 0);
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	memcpy(host.flash.now[FAKE_STATE], old, sizeof(old));
	assert_true(fake_host_begin(&host));
	assert_int_equal(host.running.mode, OTA_MODE_TRIAL);
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	fake_host_run(&host, 60 * 1000);
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].state, OTA_SLOT_CONFIRMED);
	ota_status_get(host.ota, &status);
	assert_string_equal(status.job_id, "");
	assert_int_equal(fake_host_offer(&host, &v2, "job-2"), 0);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

/* Cut between the two commits of arming: the slot is ready, the journal says reset, the record does not say trial. */
static void arming_that_was_cut_in_two_is_made_whole(void **state)
{
	struct ota_bootrec record;

	(void)state;
	device_arm();
	record = fake_boot_record(&host.boot);
	record.slot[OTA_SLOT_B].state = OTA_SLOT_READY;
	record.slot[OTA_SLOT_B].tries_left = 0;
	assert_int_equal(fake_boot_record_put(&host.boot, &record), 0);
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.fetches, 1); /* all of it was there */
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

/* A panic in the trial's last start, known only to the image that comes after: its cause is the one that is told. */
static void panic_of_the_trial_is_told_by_the_image_that_comes_after(void **state)
{
	(void)state;
	device_arm();
	host.crash = OTA_CAUSE_NONE;
	host.behaviour[1] = IMAGE_DIES_EARLY;
	for (int i = 0; i < 3; i++)
		assert_true(fake_host_live(&host, 1000));
	host.crash = OTA_CAUSE_STACK_OVERFLOW;
	assert_true(fake_host_settle(&host, 1));
	assert_runs(&v1, OTA_SLOT_A);
	assert_int_equal(host.last_terminal.cause, OTA_CAUSE_STACK_OVERFLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(armed_image_that_is_never_started_is_given_up),
		DEVICE_TEST(record_lost_under_a_trial_is_rebuilt_as_a_trial),
		DEVICE_TEST(record_lost_after_a_confirm_keeps_floor_and_order),
		DEVICE_TEST(record_that_can_be_neither_read_nor_written_is_an_error),
		DEVICE_TEST(job_whose_manifest_was_lost_waits_for_the_server),
		DEVICE_TEST(download_under_a_key_that_no_longer_counts_is_not_resumed),
		DEVICE_TEST(download_below_a_floor_that_rose_is_not_resumed),
		DEVICE_TEST(confirm_that_was_cut_short_is_finished),
		DEVICE_TEST(end_of_a_job_whose_bank_is_unreadable_stands),
		DEVICE_TEST(failed_image_that_runs_as_the_last_resort_says_so_and_takes_a_job),
		DEVICE_TEST(journal_of_another_job_does_not_disturb_a_trial),
		DEVICE_TEST(arming_that_was_cut_in_two_is_made_whole),
		DEVICE_TEST(panic_of_the_trial_is_told_by_the_image_that_comes_after),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
