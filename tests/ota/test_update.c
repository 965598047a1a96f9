/* SPDX-License-Identifier: Apache-2.0 */
/* Whole updates on a whole fake device: taken, tried, confirmed, rolled back, resumed. */
#include "device.h"

static void good_image_is_confirmed_and_reported_once(void **state)
{
	struct ota_bootrec record;

	(void)state;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.lives, 2);
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_int_equal(host.last_terminal.step, OTA_STEP_CONFIRM);
	assert_int_equal(host.last_terminal.bytes, v2.image.bytes);
	assert_int_equal(host.last_terminal.net_bytes, v2.image.bytes);
	assert_memory_equal(host.last_terminal.digest, v2.image.digest, 32);
	record = fake_boot_record(&host.boot);
	assert_int_equal(record.active, OTA_SLOT_B);
	assert_int_equal(record.slot[1].state, OTA_SLOT_CONFIRMED);
	assert_int_equal(record.slot[0].state, OTA_SLOT_CONFIRMED);
	assert_int_equal(record.min_counter, 2);
	assert_int_equal(record.starts, 0);
	assert_int_equal(host.fetches, 1);
}

static void two_updates_go_to_alternate_slots(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	host.job = &v3;
	host.job_id = "job-2";
	host.terminals = 0;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v3, OTA_SLOT_A);
}

static void image_that_runs_succeeds_without_a_fetch(void **state)
{
	(void)state;
	host.job = &v1;
	assert_true(fake_host_settle(&host, 1));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_int_equal(host.fetches, 0);
	assert_runs(&v1, OTA_SLOT_A);
}

static void assert_rolled_back(enum ota_cause cause)
{
	host.job = &v2;
	assert_true(fake_host_settle(&host, 8));
	assert_runs(&v1, OTA_SLOT_A);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(host.last_terminal.error, -OTA_E_ROLLED_BACK);
	assert_true(host.last_terminal.rolled_back);
	assert_int_equal(host.last_terminal.cause, cause);
	assert_memory_equal(host.last_terminal.digest, v2.image.digest, 32);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 1);
}

static void image_that_is_never_well_is_rolled_back(void **state)
{
	(void)state;
	host.behaviour[1] = IMAGE_NEVER_WELL;
	assert_rolled_back(OTA_CAUSE_HEALTH_TIMEOUT);
	assert_int_equal(host.lives, 3);
}

static void image_without_broker_is_rolled_back(void **state)
{
	(void)state;
	host.behaviour[1] = IMAGE_NO_LINK;
	assert_rolled_back(OTA_CAUSE_LINK_TIMEOUT);
}

static void image_that_crashes_thrice_is_rolled_back_with_its_cause(void **state)
{
	(void)state;
	host.behaviour[1] = IMAGE_CRASHES;
	assert_rolled_back(OTA_CAUSE_FAULT);
	assert_int_equal(host.lives, 5);
}

static void image_that_dies_before_its_agent_is_up_is_rolled_back(void **state)
{
	(void)state;
	host.behaviour[1] = IMAGE_DIES_EARLY;
	assert_rolled_back(OTA_CAUSE_TRIES_EXHAUSTED);
}

static void failed_image_is_refused_until_retry_is_asked_for(void **state)
{
	(void)state;
	host.behaviour[1] = IMAGE_NEVER_WELL;
	assert_rolled_back(OTA_CAUSE_HEALTH_TIMEOUT);
	host.fetches = 0;
	host.terminals = 0;
	host.job_id = "job-2";
	assert_true(fake_host_settle(&host, 2));
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -OTA_E_FAILED_BEFORE);
	assert_int_equal(host.last_terminal.cause, OTA_CAUSE_HEALTH_TIMEOUT);
	assert_int_equal(host.fetches, 0);
	host.behaviour[1] = IMAGE_WELL;
	host.job_id = "job-3";
	host.job_retry = true;
	host.terminals = 0;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
	/* The slot still held it. */
	assert_int_equal(host.fetches, 0);
}

static void older_counter_is_refused_after_confirm(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	host.job = &v1;
	host.job_id = "job-2";
	host.terminals = 0;
	host.fetches = 0;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -OTA_E_COUNTER);
	assert_int_equal(host.fetches, 0);
	assert_runs(&v2, OTA_SLOT_B);
}

static void download_resumes_after_a_power_cut_without_a_new_job(void **state)
{
	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = 22000};
	assert_true(fake_host_begin(&host));
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	fake_host_run(&host, 50); /* the first answer breaks at 22000, the next attempt is not due yet */
	assert_int_equal(host.fetches, 1);
	assert_int_equal(host.body_bytes, 22000);
	/* The next life gets no job. */
	host.servers[0].kind = SERVER_GOOD;
	assert_true(fake_host_begin(&host));
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	fake_host_run(&host, 600000);
	assert_true(host.reboot);
	/* Only what was not a whole chunk was fetched again. */
	assert_int_equal(host.body_bytes, 22000 + v2.image.bytes - 22000 / FAKE_CHUNK_BYTES * FAKE_CHUNK_BYTES);
	assert_true(fake_host_settle(&host, 2));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	/* The last bytes before the cut were no chunk yet and so were not noted. */
	assert_in_range(host.last_terminal.net_bytes, v2.image.bytes, host.body_bytes);
	assert_runs(&v2, OTA_SLOT_B);
}

static void job_asked_again_goes_on_and_tells_its_status(void **state)
{
	unsigned statuses;

	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	assert_true(fake_host_begin(&host));
	ota_on_link(host.ota, true);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	fake_host_run(&host, 1000);
	statuses = host.statuses;
	host.job_version = 7;
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	assert_int_equal(host.statuses, statuses + 1);
	assert_int_equal(host.status.job_version, 7);
	assert_int_equal(host.status.outcome, OTA_RUNNING);
	assert_int_equal(host.stops, 0);
}

static void another_job_replaces_one_that_is_not_armed(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	assert_true(fake_host_begin(&host));
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	fake_host_run(&host, 1000);
	host.servers[0].kind = SERVER_GOOD;
	assert_int_equal(fake_host_offer(&host, &v3, "job-2"), 0);
	fake_host_run(&host, 60000);
	assert_int_equal(host.stops, 2); /* the old fetch; the new one, complete */
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_string_equal(host.last_terminal.job_id, "job-2");
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v3, OTA_SLOT_B);
}

static void other_job_during_trial_waits(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, 60000));
	assert_true(host.reboot);
	assert_true(fake_host_begin(&host));
	assert_int_equal(host.running.mode, OTA_MODE_TRIAL);
	host.statuses = 0;
	assert_int_equal(fake_host_offer(&host, &v3, "job-2"), -OTA_E_TRIAL);
	assert_int_equal(host.terminals, 0);
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 5000);
	assert_string_equal(host.last_terminal.job_id, "job-1");
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

static void trial_whose_journal_was_lost_is_confirmed_all_the_same(void **state)
{
	uint8_t junk[512];

	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, 60000));
	assert_true(host.reboot);
	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(ram_flash_write(&host.flash, FAKE_STATE, junk, 1), 0);
	assert_int_equal(ram_flash_write(&host.flash, FAKE_STATE + 8, junk, 1), 0);
	/* The server offers the job again; the image that runs is its own. */
	assert_true(fake_host_settle(&host, 1));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_B);
}

static void job_offered_again_does_not_lengthen_the_trial(void **state)
{
	uint64_t deadline;

	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, 60000));
	assert_true(fake_host_begin(&host));
	deadline = ota_deadline_ms(host.ota);
	assert_int_equal(deadline, host.now + 120000);
	fake_host_run(&host, 100000);
	host.server_count = 2; /* other addresses: the job is taken anew */
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	assert_int_equal(ota_deadline_ms(host.ota), deadline);
}

/* As after a power cut, when the operator has asked for the version again in the meantime. */
static void job_that_takes_over_a_trial_does_not_delay_the_confirm(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, 60000));
	host.job = NULL;
	assert_true(fake_host_begin(&host));
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 1000);
	assert_int_equal(fake_host_offer(&host, &v2, "job-2"), 0);
	fake_host_run(&host, 5000);
	assert_string_equal(host.last_terminal.job_id, "job-2");
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

static void withdrawn_job_stops_the_fetch_and_is_forgotten(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	assert_true(fake_host_begin(&host));
	ota_on_link(host.ota, true);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	fake_host_run(&host, 1000);
	assert_int_equal(ota_on_cancel(host.ota, "job-9"), -OTA_E_JOB);
	assert_int_equal(host.status.outcome, OTA_RUNNING);
	assert_int_equal(ota_on_cancel(host.ota, "job-1"), 0);
	fake_host_run(&host, 1000);
	assert_int_equal(host.stops, 1);
	assert_int_equal(host.last_terminal.error, -OTA_E_CANCELLED);
	host.job = NULL;
	assert_true(fake_host_live(&host, 600000));
	assert_int_equal(host.fetches, 1);
	assert_runs(&v1, OTA_SLOT_A);
}

static void job_that_the_server_does_not_know_is_dropped_in_silence(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	assert_true(fake_host_begin(&host));
	ota_on_link(host.ota, true);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	fake_host_run(&host, 1000);
	assert_int_equal(ota_on_cancel(host.ota, NULL), 0);
	fake_host_run(&host, 1000);
	assert_int_equal(host.terminals, 0);
	ota_status_get(host.ota, &host.status);
	assert_string_equal(host.status.job_id, "");
}

/* Once the trial is armed the next start is the new image's: an operator who was told "cancelled" would be wrong. */
static void armed_job_cannot_be_withdrawn_and_says_so(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, 3600 * 1000));
	assert_true(host.reboot);
	assert_int_equal(ota_on_cancel(host.ota, "job-1"), -OTA_E_BUSY);
	assert_true(fake_host_begin(&host));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(ota_on_cancel(host.ota, "job-1"), -OTA_E_TRIAL);
	host.link = true;
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 10 * 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

static void safe_mode_clears_starts_when_the_broker_was_reached(void **state)
{
	struct ota_bootrec record;

	(void)state;
	host.behaviour[0] = IMAGE_NO_LINK;
	for (int i = 0; i < 3; i++)
		assert_true(fake_host_begin(&host));
	assert_true(fake_host_begin(&host));
	assert_int_equal(host.running.mode, OTA_MODE_SAFE);
	ota_on_health(host.ota, true); /* there is no app that could be well */
	assert_int_equal(fake_boot_record(&host.boot).starts, 4);
	ota_on_link(host.ota, true);
	record = fake_boot_record(&host.boot);
	assert_int_equal(record.starts, 0);
}

static void update_from_the_other_slot_replaces_the_dying_image(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	host.job = &v3;
	host.job_id = "job-2";
	host.terminals = 0;
	assert_true(fake_host_settle(&host, 3));
	assert_runs(&v3, OTA_SLOT_A);
	host.job = NULL;
	host.behaviour[2] = IMAGE_CRASHES; /* from now on it always dies early; so does safe mode */
	for (int i = 0; i < 6; i++) {
		assert_true(fake_host_live(&host, 1000));
		assert_runs(&v3, OTA_SLOT_A);
	}
	host.job = &v4;
	host.job_id = "job-3";
	host.terminals = 0;
	assert_true(fake_host_live(&host, 60000));
	assert_runs(&v2, OTA_SLOT_B); /* the other slot's turn; before it is overwritten, the active one is this */
	assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v4, OTA_SLOT_A);
}

static void lost_boot_record_is_rebuilt_and_updates_go_on(void **state)
{
	uint8_t junk[512] = {1};

	(void)state;
	assert_true(fake_host_live(&host, 1000));
	assert_true(fake_host_begin(&host));
	assert_int_equal(host.start_result, 0);
	assert_int_equal(ram_flash_write(&host.flash, FAKE_RECORD_0, junk, 1), 0);
	assert_int_equal(ram_flash_write(&host.flash, FAKE_RECORD_1, junk, 1), 0);
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
}

static void device_without_boot_loader_rejects_every_job(void **state)
{
	(void)state;
	assert_true(fake_host_begin(&host));
	host.config.running_slot = OTA_SLOT_NONE;
	assert_int_equal(ota_start(host.ota), -OTA_E_NO_SLOTS);
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), -OTA_E_NO_SLOTS);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_true(ota_deadline_ms(host.ota) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(good_image_is_confirmed_and_reported_once),
		DEVICE_TEST(two_updates_go_to_alternate_slots),
		DEVICE_TEST(image_that_runs_succeeds_without_a_fetch),
		DEVICE_TEST(image_that_is_never_well_is_rolled_back),
		DEVICE_TEST(image_without_broker_is_rolled_back),
		DEVICE_TEST(image_that_crashes_thrice_is_rolled_back_with_its_cause),
		DEVICE_TEST(image_that_dies_before_its_agent_is_up_is_rolled_back),
		DEVICE_TEST(failed_image_is_refused_until_retry_is_asked_for),
		DEVICE_TEST(older_counter_is_refused_after_confirm),
		DEVICE_TEST(download_resumes_after_a_power_cut_without_a_new_job),
		DEVICE_TEST(job_asked_again_goes_on_and_tells_its_status),
		DEVICE_TEST(another_job_replaces_one_that_is_not_armed),
		DEVICE_TEST(other_job_during_trial_waits),
		DEVICE_TEST(trial_whose_journal_was_lost_is_confirmed_all_the_same),
		DEVICE_TEST(job_offered_again_does_not_lengthen_the_trial),
		DEVICE_TEST(job_that_takes_over_a_trial_does_not_delay_the_confirm),
		DEVICE_TEST(withdrawn_job_stops_the_fetch_and_is_forgotten),
		DEVICE_TEST(job_that_the_server_does_not_know_is_dropped_in_silence),
		DEVICE_TEST(armed_job_cannot_be_withdrawn_and_says_so),
		DEVICE_TEST(safe_mode_clears_starts_when_the_broker_was_reached),
		DEVICE_TEST(update_from_the_other_slot_replaces_the_dying_image),
		DEVICE_TEST(lost_boot_record_is_rebuilt_and_updates_go_on),
		DEVICE_TEST(device_without_boot_loader_rejects_every_job),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
