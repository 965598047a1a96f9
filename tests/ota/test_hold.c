/* SPDX-License-Identifier: Apache-2.0 */
/* A job that holds: fetched, verified, and not armed before the server says so. */
#include "device.h"

#include "core.h"

static const uint64_t HOUR_MS = 3600 * 1000;

static uint8_t other_state(void)
{
	return fake_boot_record(&host.boot).slot[OTA_SLOT_B].state;
}

static void assert_holds(void)
{
	assert_false(host.reboot);
	assert_int_equal(host.status.outcome, OTA_RUNNING);
	assert_int_equal(host.status.step, OTA_STEP_HOLD);
	assert_int_equal(host.status.bytes, v2.image.bytes);
	assert_int_equal(other_state(), OTA_SLOT_WRITING);
	assert_runs(&v1, OTA_SLOT_A);
}

static void device_holds(void)
{
	host.job = &v2;
	host.job_reset = OTA_RESET_HOLD;
	assert_true(fake_host_live(&host, 24 * HOUR_MS));
	assert_holds();
}

static void release(void)
{
	host.job_reset = OTA_RESET_NOW;
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
}

static void waits_for_its_release(void **state)
{
	(void)state;
	device_holds();
	/* The same word again is answered, and nothing else. */
	host.statuses = 0;
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	assert_int_equal(host.statuses, 1);
	fake_host_run(&host, HOUR_MS);
	assert_holds();
	release();
	assert_int_equal(host.status.step, OTA_STEP_REBOOT);
	fake_host_run(&host, 1000);
	assert_true(host.reboot);
	assert_int_equal(other_state(), OTA_SLOT_TRIAL);
	assert_true(fake_host_settle(&host, 2));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.body_bytes, v2.image.bytes);
}

/* A power cut, an operator's reset: not a byte is fetched again, and the hold is not over. */
static void restart_holds_again_without_another_download(void **state)
{
	(void)state;
	device_holds();
	host.job = NULL; /* the server need not even say it again */
	for (unsigned i = 0; i < 3; i++) {
		assert_true(fake_host_begin(&host));
		host.job = &v2; /* the image that the artifact server would serve */
		fake_host_run(&host, HOUR_MS);
		assert_holds();
	}
	assert_int_equal(host.body_bytes, v2.image.bytes);
	assert_int_equal(host.fetches, 1);
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	release();
	fake_host_run(&host, 1000);
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v2, OTA_SLOT_B);
}

/* A release counts while it holds, not before: nobody knows how long the rest of the download takes. */
static void release_that_comes_early_is_none(void **state)
{
	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_TRICKLES, .limit = 1200};
	host.job = &v2;
	host.job_reset = OTA_RESET_NOW;
	assert_true(fake_host_live(&host, 3000));
	assert_int_equal(host.status.step, OTA_STEP_DOWNLOAD);
	release();
	fake_host_run(&host, HOUR_MS);
	assert_holds();
	release();
	fake_host_run(&host, 1000);
	assert_true(host.reboot);
}

static void cut_at_once(void *ctx, const struct ram_flash_op *op)
{
	unsigned *left = ctx;

	(void)op;
	if ((*left)-- == 0)
		host.flash.dead = true;
}

/* The power goes between release and trial, and may come back at any hour. */
static void release_that_a_cut_overtook_is_over(void **state)
{
	unsigned left, cuts = 0;

	for (unsigned before = 0; before < 40; before++) {
		device_holds();
		left = before;
		host.flash.watch = cut_at_once;
		host.flash.watch_ctx = &left;
		release();
		fake_host_run(&host, 1000);
		host.flash.watch = NULL;
		if (!host.flash.dead) {
			assert_true(host.reboot);
			break;
		}
		host.flash.dead = false;
		host.job_reset = OTA_RESET_HOLD;
		if (other_state() != OTA_SLOT_TRIAL) { /* else it was armed: that is the reset */
			cuts++;
			assert_true(fake_host_live(&host, HOUR_MS));
			assert_holds();
		}
		assert_int_equal(device_down(state), 0);
		assert_int_equal(device_up(state), 0);
	}
	assert_in_range(cuts, 3, 39);
}

static void release_with_a_bad_assignment_is_none(void **state)
{
	struct fake_assignment bad;

	(void)state;
	device_holds();
	fake_assignment_make(&bad, v2.image.digest, host.sequence + 1);
	fake_assignment_sign(&bad, (const unsigned[]){FAKE_FLEET}, 1);
	bad.envelope[bad.len - 1] ^= 1;
	host.assignment = &bad;
	release();
	fake_host_run(&host, HOUR_MS);
	assert_holds();
}

static void is_withdrawn_while_it_holds(void **state)
{
	(void)state;
	device_holds();
	assert_int_equal(ota_on_cancel(host.ota, "job-1"), 0);
	fake_host_run(&host, 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(host.last_terminal.error, -OTA_E_CANCELLED);
	host.job = NULL;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_false(host.reboot);
	assert_runs(&v1, OTA_SLOT_A);
}

static void gives_way_to_another_job(void **state)
{
	(void)state;
	device_holds();
	host.job_reset = OTA_RESET_AT_ONCE;
	assert_int_equal(fake_host_offer(&host, &v3, "job-2"), 0);
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v3, OTA_SLOT_B);
}

/* A hold may last a day: it does not keep the app from its next turn. */
static void safe_mode_is_left_all_the_same(void **state)
{
	struct ota_bootrec record;

	(void)state;
	device_holds();
	record = fake_boot_record(&host.boot);
	record.seq++;
	record.starts = 3;
	ota_bootrec_encode(&record, host.flash.now[FAKE_RECORD_0]);
	ota_bootrec_encode(&record, host.flash.now[FAKE_RECORD_1]);
	ram_flash_power_on(&host.flash);
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_int_equal(host.running.mode, OTA_MODE_SAFE);
	assert_true(host.reboot);
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
	assert_holds();
	assert_int_equal(host.body_bytes, v2.image.bytes);
}

/* What an older agent reads, after a roll-back or before an update, is the journal that it knows. */
static void journal_is_the_one_that_older_agents_read(void **state)
{
	const uint8_t *sector = host.flash.now[FAKE_STATE];
	uint8_t held[512], plain[512];

	(void)state;
	device_holds();
	assert_int_equal(journal_commit(host.ota), 0);
	memcpy(held, sector, sizeof(held));
	host.ota->journal.hold = 0;
	host.ota->journal.seq--;
	assert_int_equal(journal_commit(host.ota), 0);
	memcpy(plain, sector, sizeof(plain));
	for (size_t i = 0; i < 508; i++)
		assert_true(held[i] == plain[i] || i == 20);
	for (size_t i = 20; i < 32; i++)
		assert_int_equal(plain[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(waits_for_its_release),
		DEVICE_TEST(restart_holds_again_without_another_download),
		DEVICE_TEST(release_that_comes_early_is_none),
		DEVICE_TEST(release_that_a_cut_overtook_is_over),
		DEVICE_TEST(release_with_a_bad_assignment_is_none),
		DEVICE_TEST(is_withdrawn_while_it_holds),
		DEVICE_TEST(gives_way_to_another_job),
		DEVICE_TEST(safe_mode_is_left_all_the_same),
		DEVICE_TEST(journal_is_the_one_that_older_agents_read),
	};

	return cmocka_run_group_tests_name("ota/hold", tests, device_images_make, NULL);
}
