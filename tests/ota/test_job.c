/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that come malformed, at the wrong moment, or for the image that runs; and jobs that are withdrawn. */
#include "device.h"

static const uint64_t HOUR_MS = 3600 * 1000;

static int offer(const char *id, const char *const *urls, size_t url_count)
{
	struct ota_job job = {.id = id,
		.version = 1,
		.assignment = host.assigned.envelope,
		.manifest = v2.envelope,
		.manifest_len = v2.envelope_len,
		.url_count = url_count};

	fake_host_assign(&host, v2.image.digest);
	job.assignment_len = host.assigned.len;
	for (size_t i = 0; i < url_count && i < OTA_URLS_MAX; i++)
		job.urls[i] = urls[i];
	return ota_on_job(host.ota, &job);
}

static void job_without_a_usable_id_is_not_answered(void **state)
{
	static const char *const urls[] = {"https://0/image.fit"};
	char longest[OTA_JOB_ID_MAX + 1];

	(void)state;
	memset(longest, 'j', sizeof(longest));
	longest[OTA_JOB_ID_MAX] = '\0';
	assert_true(fake_host_begin(&host));
	assert_int_equal(offer(NULL, urls, 1), -OTA_E_JOB);
	assert_int_equal(offer("", urls, 1), -OTA_E_JOB);
	assert_int_equal(offer(longest, urls, 1), -OTA_E_JOB);
	assert_int_equal(host.statuses, 0);
	host.job = &v2;
	longest[OTA_JOB_ID_MAX - 1] = '\0';
	assert_int_equal(offer(longest, urls, 1), 0);
	assert_string_equal(host.status.job_id, longest);
}

static void job_without_usable_addresses_is_refused_by_name(void **state)
{
	static char too_long[OTA_URL_MAX + 1];
	const char *const lists[][1] = {{NULL}, {""}, {too_long}};
	static const char *const many[] = {"https://0/a", "https://1/a", "https://2/a", "https://3/a", "https://4/a"};

	(void)state;
	memset(too_long, 'u', OTA_URL_MAX);
	assert_true(fake_host_begin(&host));
	for (size_t i = 0; i < COUNT(lists); i++)
		assert_int_equal(offer("job-1", lists[i], 1), -OTA_E_URL);
	assert_int_equal(offer("job-1", many, 0), -OTA_E_URL);
	assert_int_equal(offer("job-1", many, 5), -OTA_E_URL);
	assert_int_equal(host.terminals, 5);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -OTA_E_URL);
	assert_int_equal(host.fetches, 0);
	host.job = &v2;
	assert_int_equal(offer("job-1", many, 4), 0);
}

/* From arming on, the outcome is decided by the trial alone. */
static void withdrawal_after_arming_comes_too_late(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(host.reboot);
	ota_on_cancel(host.ota, "job-1");
	assert_true(fake_host_begin(&host));
	assert_int_equal(host.running.mode, OTA_MODE_TRIAL);
	ota_on_cancel(host.ota, "job-1");
	ota_on_cancel(host.ota, NULL);
	assert_int_equal(host.terminals, 0);
	ota_on_link(host.ota, true);
	ota_on_health(host.ota, true);
	fake_host_run(&host, 60 * 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
}

static void another_job_after_arming_is_put_off(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(host.reboot);
	host.statuses = 0;
	assert_int_equal(fake_host_offer(&host, &v3, "job-2"), -OTA_E_BUSY);
	assert_int_equal(host.statuses, 0);
	assert_true(fake_host_settle(&host, 1));
	assert_string_equal(host.last_terminal.job_id, "job-1");
	assert_runs(&v2, OTA_SLOT_B);
}

static void withdrawn_job_that_has_ended_is_forgotten_in_silence(void **state)
{
	struct ota_status status;

	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_FLIPS, .flip_off = 3};
	device_offer(&v2);
	host.link = false; /* nobody acknowledges */
	fake_host_run(&host, HOUR_MS);
	assert_int_equal(host.terminals, 1);
	ota_on_cancel(host.ota, "job-1");
	assert_int_equal(host.terminals, 1);
	ota_status_get(host.ota, &status);
	assert_string_equal(status.job_id, "");
}

static void stale_version_is_replaced_and_the_job_goes_on(void **state)
{
	struct ota_status status;

	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	device_offer(&v2);
	fake_host_run(&host, 1000);
	ota_on_status_acked(host.ota, "job-9", 7);
	ota_status_get(host.ota, &status);
	assert_int_equal(status.job_version, 1);
	ota_on_status_acked(host.ota, "job-1", 7);
	ota_on_status_acked(host.ota, "job-1", 0);
	ota_status_get(host.ota, &status);
	assert_int_equal(status.job_version, 7);
	assert_int_equal(status.outcome, OTA_RUNNING);
}

static void end_that_the_server_refuses_is_an_end(void **state)
{
	struct ota_status status;

	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_FLIPS, .flip_off = 3};
	device_offer(&v2);
	host.link = false;
	fake_host_run(&host, HOUR_MS);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	ota_on_status_acked(host.ota, "job-1", 0);
	ota_status_get(host.ota, &status);
	assert_string_equal(status.job_id, "");
}

/* The active image keeps dying, the boot loader has taken to the other one, and that is the one that the operator wants: it stays. */
static void other_image_that_was_taken_to_becomes_the_active_one(void **state)
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
	host.behaviour[2] = IMAGE_CRASHES;
	for (int i = 0; i < 10 && host.running.slot == OTA_SLOT_A; i++)
		assert_true(fake_host_live(&host, 1000));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_A);
	assert_int_equal(fake_host_offer(&host, &v2, "job-3"), 0);
	assert_string_equal(host.last_terminal.job_id, "job-3");
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_int_equal(host.fetches, 2);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_B);
	assert_true(fake_host_live(&host, 1000));
	assert_runs(&v2, OTA_SLOT_B);
}

/* While its confirm cannot be written, nothing else is taken; when it can, the job ends well. */
static void job_waits_while_the_confirm_cannot_be_written(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(fake_host_begin(&host));
	host.disk_fail_from = host.disk_calls;
	host.disk_fail_count = UINT64_MAX;
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	fake_host_run(&host, 60 * 1000);
	assert_int_equal(host.terminals, 0);
	assert_int_equal(fake_host_offer(&host, &v2, "job-2"), -OTA_E_TRIAL);
	assert_int_equal(fake_host_offer(&host, &v3, "job-3"), -OTA_E_IO); /* nor can its assignment be */
	assert_int_equal(host.terminals, 0);
	host.disk_fail_count = 0;
	host.job = NULL;
	host.link = true;
	fake_host_run(&host, 60 * 1000);
	assert_string_equal(host.last_terminal.job_id, "job-1");
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
}

/* A health that comes and goes is none; and health without slots is nobody's business. */
static void app_that_takes_its_word_back_is_not_confirmed(void **state)
{
	(void)state;
	host.job = &v2;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(fake_host_begin(&host));
	ota_on_link(host.ota, true);
	for (int i = 0; i < 50; i++) {
		ota_on_health(host.ota, true);
		ota_on_health(host.ota, true);
		fake_host_run(&host, 2000);
		ota_on_health(host.ota, false);
		fake_host_run(&host, 500);
	}
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	assert_true(fake_host_live(&host, 1000));
	assert_runs(&v1, OTA_SLOT_A);
	assert_int_equal(host.last_terminal.cause, OTA_CAUSE_HEALTH_TIMEOUT);
}

static void job_of_a_server_that_cannot_be_asked_is_tried_again(void **state)
{
	(void)state;
	host.fetch_error = -OTA_E_MEMORY;
	device_offer(&v2);
	fake_host_run(&host, 10 * 1000);
	assert_int_equal(host.status.outcome, OTA_RUNNING);
	assert_int_equal(host.status.error, -OTA_E_MEMORY);
	assert_int_equal(host.stops, 0);
	host.fetch_error = 0;
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v2, OTA_SLOT_B);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(job_without_a_usable_id_is_not_answered),
		DEVICE_TEST(job_without_usable_addresses_is_refused_by_name),
		DEVICE_TEST(withdrawal_after_arming_comes_too_late),
		DEVICE_TEST(another_job_after_arming_is_put_off),
		DEVICE_TEST(withdrawn_job_that_has_ended_is_forgotten_in_silence),
		DEVICE_TEST(stale_version_is_replaced_and_the_job_goes_on),
		DEVICE_TEST(end_that_the_server_refuses_is_an_end),
		DEVICE_TEST(other_image_that_was_taken_to_becomes_the_active_one),
		DEVICE_TEST(job_waits_while_the_confirm_cannot_be_written),
		DEVICE_TEST(app_that_takes_its_word_back_is_not_confirmed),
		DEVICE_TEST(job_of_a_server_that_cannot_be_asked_is_tried_again),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
