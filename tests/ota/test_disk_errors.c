/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core's nth call to its disk fails, for every n: a read, a write or a flush, once, a few times, or for good. Whatever becomes of the
 * update, it is told; what runs is an image that was confirmed or is on trial; and when the disk is well again, so is the device.
 */
#include "device.h"

enum { LIVES_MAX = 12, LIVES_DEAD = 3 };

static void device_new(enum image_behaviour behaviour)
{
	(void)device_up(NULL);
	host.behaviour[1] = behaviour;
	host.job = &v2;
}

static uint64_t calls_of_a_whole_update(enum image_behaviour behaviour)
{
	uint64_t calls;

	device_new(behaviour);
	assert_true(fake_host_settle(&host, LIVES_MAX));
	calls = host.disk_calls;
	device_down(NULL);
	return calls;
}

/* The image that the server was told of runs, and the floor is its own. */
static void assert_ended_as_told(void)
{
	bool succeeded = host.last_terminal.outcome == OTA_SUCCEEDED;
	const struct fake_image *expected = succeeded ? &v2 : &v1;

	/* A job whose journal could not be read comes again from the server: then its image is one that failed before. */
	assert_true(succeeded || host.last_terminal.error == -OTA_E_IO ||
		    host.last_terminal.error == -OTA_E_ROLLED_BACK || host.last_terminal.error == -OTA_E_FAILED_BEFORE);
	assert_runs(expected, succeeded ? OTA_SLOT_B : OTA_SLOT_A);
	assert_in_range(fake_boot_record(&host.boot).min_counter, 0, expected->image.counter);
}

static void assert_next_update_works(void)
{
	host.disk_fail_count = 0;
	host.job = &v3;
	host.job_id = "job-2";
	/* A record that was written, though the disk said that it was not, starts a trial that was given up: it ends first. */
	for (unsigned ends = 0; ends < 3 && strcmp(host.told_id, "job-2") != 0; ends++) {
		host.terminals = 0;
		assert_true(fake_host_settle(&host, LIVES_MAX));
	}
	assert_string_equal(host.last_terminal.job_id, "job-2");
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_memory_equal(host.running.image.digest, v3.image.digest, 32);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
}

/* How many of the updates succeeded. */
static unsigned each_call_fails(enum image_behaviour behaviour, uint64_t count, uint64_t calls)
{
	unsigned succeeded = 0;

	for (uint64_t at = 0; at < calls; at++) {
		device_new(behaviour);
		host.disk_fail_from = at;
		host.disk_fail_count = count;
		assert_true(fake_host_settle(&host, LIVES_MAX));
		assert_ended_as_told();
		succeeded += host.last_terminal.outcome == OTA_SUCCEEDED;
		assert_next_update_works();
		device_down(NULL);
	}
	return succeeded;
}

static void one_error_anywhere_costs_no_update(void **state)
{
	uint64_t calls = calls_of_a_whole_update(IMAGE_WELL);

	(void)state;
	assert_in_range(calls, 50, 1000);
	assert_int_equal(each_call_fails(IMAGE_WELL, 1, calls), calls);
}

static void three_errors_in_a_row_anywhere_leave_a_sound_device(void **state)
{
	(void)state;
	(void)each_call_fails(IMAGE_WELL, 3, calls_of_a_whole_update(IMAGE_WELL));
}

static void errors_during_a_roll_back_leave_a_sound_device(void **state)
{
	uint64_t calls = calls_of_a_whole_update(IMAGE_CRASHES);

	(void)state;
	assert_int_equal(each_call_fails(IMAGE_CRASHES, 2, calls), 0);
}

/* A disk that is dead for the core from some call on, until somebody puts it right. */
static void disk_that_dies_for_good_is_told_and_the_confirmed_image_stays(void **state)
{
	uint64_t calls = calls_of_a_whole_update(IMAGE_WELL);

	(void)state;
	for (uint64_t at = 0; at < calls; at++) {
		device_new(IMAGE_WELL);
		host.disk_fail_from = at;
		host.disk_fail_count = UINT64_MAX;
		for (unsigned life = 0; life < LIVES_DEAD && host.terminals == 0; life++)
			assert_true(fake_host_live(&host, 600 * 1000));
		if (host.terminals > 0 && !host.reboot)
			assert_ended_as_told();
		else
			assert_true(host.status.error == -OTA_E_IO || host.job_result == -OTA_E_IO);
		assert_next_update_works();
		device_down(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_error_anywhere_costs_no_update),
		cmocka_unit_test(three_errors_in_a_row_anywhere_leave_a_sound_device),
		cmocka_unit_test(errors_during_a_roll_back_leave_a_sound_device),
		cmocka_unit_test(disk_that_dies_for_good_is_told_and_the_confirmed_image_stays),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
