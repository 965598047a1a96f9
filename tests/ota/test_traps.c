/* SPDX-License-Identifier: Apache-2.0 */
/* Traps that other update systems fell into, each named after where its users told of it (../../ota/SECURITY.md). */
#include "device.h"

#include <stdio.h>

static const uint64_t HOUR_MS = 3600 * 1000;

static uint32_t random_next(void)
{
	static uint32_t random = 20261123;

	random = random * 1664525u + 1013904223u;
	return random >> 8;
}

static void update_next(const struct fake_image *image)
{
	static char id[16];
	static unsigned jobs;

	(void)snprintf(id, sizeof(id), "next-%u", jobs++);
	host.job = image;
	host.job_id = id;
	host.terminals = 0;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
}

/* rauc#683: a few power cuts used up the tries of both slots. Two confirmed images here, and 1200 starts that live too short. */
static void trap_1_power_cuts_use_up_no_confirmed_image(void **state)
{
	unsigned starts[2][3] = {{0}};
	struct ota_bootrec record;

	(void)state;
	update_next(&v2);
	update_next(&v3);
	host.job = NULL;
	for (unsigned cut = 0; cut < 1200; cut++) {
		assert_true(fake_host_begin(&host));
		starts[host.running.slot][host.running.mode]++;
	}
	/* Both slots, with the app and without it, in turn and for ever. */
	for (unsigned slot = 0; slot < 2; slot++) {
		assert_true(starts[slot][OTA_MODE_NORMAL] >= 200);
		assert_true(starts[slot][OTA_MODE_SAFE] >= 200);
		assert_int_equal(starts[slot][OTA_MODE_TRIAL], 0);
	}
	record = fake_boot_record(&host.boot);
	assert_int_equal(record.slot[OTA_SLOT_A].state, OTA_SLOT_CONFIRMED);
	assert_int_equal(record.slot[OTA_SLOT_B].state, OTA_SLOT_CONFIRMED);
	/* The first start that lives puts all of it behind. */
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_int_equal(fake_boot_record(&host.boot).starts, 0);
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_runs(&v3, OTA_SLOT_A);
	assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
}

/* rauc#1157: rubbish where the boot order is kept, and the device resets for ever. */
static void trap_2_rubbish_in_the_record_is_no_endless_reset(void **state)
{
	(void)state;
	printf("seed 20261123\n");
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	update_next(&v3);
	update_next(&v4); /* in slot b; v3 in slot a has the same counter and a whole, older mark */
	host.job = NULL;
	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned copy = 0; copy < 2; copy++)
			for (unsigned i = 0; i < 512; i++)
				host.flash.now[copy ? FAKE_RECORD_1 : FAKE_RECORD_0][i] = (uint8_t)random_next();
		memcpy(host.flash.durable, host.flash.now, sizeof(host.flash.now));
		assert_true(fake_host_begin(&host));
		assert_runs(&v4, OTA_SLOT_B); /* the one confirmed last, by its mark */
		assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
		assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
	}
}

/* rauc#1907: all state in one file, and the file was lost. */
static void trap_3_either_copy_of_the_state_is_enough(void **state)
{
	static const uint32_t copies[] = {FAKE_RECORD_0, FAKE_RECORD_1, FAKE_STATE, FAKE_STATE + 8};

	(void)state;
	for (size_t i = 0; i < COUNT(copies); i++) {
		if (i > 0) {
			assert_int_equal(device_down(NULL), 0);
			assert_int_equal(device_up(NULL), 0);
		}
		host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = 12000};
		device_offer(&v2);
		fake_host_run(&host, 20);
		memset(host.flash.now[copies[i]], 0xa5, 512);
		memset(host.flash.durable[copies[i]], 0xa5, 512);
		host.servers[0].kind = SERVER_GOOD;
		assert_true(fake_host_settle(&host, 4)); /* the server offers the job again, or it goes on by itself */
		assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
		assert_runs(&v2, OTA_SLOT_B);
	}
}

/* The same, of what nothing but the record knows: which image failed. */
static void trap_3_what_failed_is_known_in_both_copies(void **state)
{
	static const uint32_t copies[] = {FAKE_RECORD_0, FAKE_RECORD_1};

	(void)state;
	host.behaviour[1] = IMAGE_NEVER_WELL;
	host.job = &v2;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(fake_host_live(&host, HOUR_MS)); /* the trial, and what it notes about itself before it resets */
	assert_int_equal(host.running.mode, OTA_MODE_TRIAL);
	for (size_t i = 0; i < COUNT(copies); i++) {
		struct ota_bootrec record;
		uint8_t whole[512];

		memcpy(whole, host.flash.now[copies[i]], sizeof(whole));
		memset(host.flash.now[copies[i]], 0xa5, sizeof(whole));
		record = fake_boot_record(&host.boot);
		assert_true(ota_bootrec_has_failed(&record, v2.image.digest));
		memcpy(host.flash.now[copies[i]], whole, sizeof(whole));
	}
}

/* esp-idf#17520: up for minutes, while the download takes longer. Here each life brings less than a chunk and a half. */
static void trap_19_an_update_gets_there_in_short_lives(void **state)
{
	unsigned lives = 0;

	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = FAKE_CHUNK_BYTES + 2000};
	do {
		device_offer(&v2);
		fake_host_run(&host, 50); /* one answer; then the power goes */
		assert_runs(&v1, OTA_SLOT_A);
		lives++;
	} while (!host.reboot && lives < 100);
	assert_true(host.reboot);
	assert_in_range(lives, 5, 12);
	/* A life fetches again what was not a whole chunk, never more. */
	assert_in_range(host.body_bytes, v2.image.bytes, v2.image.bytes + lives * 2000);
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v2, OTA_SLOT_B);
}

/* esphome#11300, WendyOS-Builder#41: a slot that was rolled back once stays marked as bad for ever. */
static void trap_20_the_mark_of_a_failed_image_is_not_its_slots(void **state)
{
	(void)state;
	host.behaviour[1] = IMAGE_NEVER_WELL;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 8));
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].state, OTA_SLOT_BAD);
	update_next(&v3);
	assert_runs(&v3, OTA_SLOT_B);
}

/* greenboot#26: install, fail, roll back, install again, without end: the server offers the same image under ever new jobs. */
static void trap_21_one_rollback_a_digest(void **state)
{
	char id[32];
	unsigned trials = 0;

	(void)state;
	host.behaviour[1] = IMAGE_NEVER_WELL;
	host.job = &v2;
	for (unsigned job = 0; job < 20; job++) {
		(void)snprintf(id, sizeof(id), "job-%u", job);
		host.job_id = id;
		host.terminals = 0;
		for (unsigned life = 0; life < 8 && (host.terminals == 0 || host.reboot); life++) {
			assert_true(fake_host_live(&host, HOUR_MS));
			trials += host.running.mode == OTA_MODE_TRIAL;
		}
		assert_runs(&v1, OTA_SLOT_A);
		assert_int_equal(host.last_terminal.outcome, job == 0 ? OTA_FAILED : OTA_REJECTED);
	}
	assert_int_equal(trials, 1);
	assert_int_equal(host.fetches, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(trap_1_power_cuts_use_up_no_confirmed_image),
		DEVICE_TEST(trap_2_rubbish_in_the_record_is_no_endless_reset),
		DEVICE_TEST(trap_3_either_copy_of_the_state_is_enough),
		DEVICE_TEST(trap_3_what_failed_is_known_in_both_copies),
		DEVICE_TEST(trap_19_an_update_gets_there_in_short_lives),
		DEVICE_TEST(trap_20_the_mark_of_a_failed_image_is_not_its_slots),
		DEVICE_TEST(trap_21_one_rollback_a_digest),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
