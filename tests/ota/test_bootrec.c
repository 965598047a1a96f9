/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of SPEC §2: which slot starts, how, and what is noted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootrec_world.h"

/* ---- Start: which slot ---- */

static void active_slot_boots_without_a_look_at_the_other(void **state)
{
	(void)state;
	for (unsigned active = 0; active < 2; active++) {
		struct ota_bootrec rec = confirmed_pair();
		struct world world = world_of(&rec);

		rec.active = (uint8_t)active;
		assert_boots(&rec, &world, (enum ota_slot)active, OTA_MODE_NORMAL);
		assert_int_equal(world.examined, 1);
		assert_int_equal(rec.starts, 1);
		assert_int_equal(rec.boots, 1);
		assert_int_equal(rec.last_cause, OTA_CAUSE_NONE);
	}
}

static void refused_active_slot_gives_way_and_is_noted(void **state)
{
	const enum ota_cause causes[] = {
		OTA_CAUSE_SIGNATURE_REFUSED, OTA_CAUSE_SLOT_UNREADABLE, OTA_CAUSE_IMAGE_MALFORMED};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ota_bootrec rec = confirmed_pair();
		struct world world = world_of(&rec);

		spoil(&world, OTA_SLOT_A, causes[i]);
		assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_NORMAL);
		assert_int_equal(rec.last_cause, causes[i]);
		assert_int_equal(rec.slot[0].cause, causes[i]);
		/* It may have been a passing fault: the image keeps its state, and no digest is banned for rot. */
		assert_int_equal(rec.slot[0].state, OTA_SLOT_CONFIRMED);
		assert_false(ota_bootrec_has_failed(&rec, rec.slot[0].image.digest));
	}
}

static void counter_below_the_floor_is_never_started(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world;

	(void)state;
	rec.slot[0].image.counter = 4;
	world = world_of(&rec);
	rec.min_counter = 5;
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_NORMAL);
	assert_int_equal(rec.last_cause, OTA_CAUSE_COUNTER_TOO_LOW);
	rec.min_counter = 6;
	assert_int_equal(boot(&rec, &world, OTA_CAUSE_NONE).step, OTA_BOOT_NOTHING);
}

static void state_belongs_to_the_digest(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	world.content[0].image = image_of(0xcc, 5);
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_NORMAL);
	assert_int_equal(rec.last_cause, OTA_CAUSE_DIGEST_MISMATCH);
	/* Only if nothing else verifies does it run, and then the record says what runs. */
	spoil(&world, OTA_SLOT_B, OTA_CAUSE_SIGNATURE_REFUSED);
	assert_boots(&rec, &world, OTA_SLOT_A, OTA_MODE_NORMAL);
	assert_memory_equal(rec.slot[0].image.digest, world.content[0].image.digest, 32);
	assert_int_equal(rec.slot[0].state, OTA_SLOT_READY);
}

static void slots_that_are_not_eligible_wait_for_the_last_resort(void **state)
{
	const enum ota_slot_state states[] = {OTA_SLOT_EMPTY, OTA_SLOT_WRITING, OTA_SLOT_BAD, (enum ota_slot_state)77};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ota_bootrec rec = confirmed_pair();
		struct world world = world_of(&rec);

		rec.slot[0].state = (uint8_t)states[i];
		assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_NORMAL);
		assert_int_equal(world.examined, 1);
		rec.starts = 0;
		spoil(&world, OTA_SLOT_B, OTA_CAUSE_SLOT_UNREADABLE);
		assert_boots(&rec, &world, OTA_SLOT_A, OTA_MODE_NORMAL);
	}
}

static void ready_image_is_a_fallback_without_a_trial(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	rec.slot[1].state = OTA_SLOT_READY;
	spoil(&world, OTA_SLOT_A, OTA_CAUSE_SLOT_UNREADABLE);
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_NORMAL);
}

static void failed_image_is_the_very_last_resort_in_safe_mode(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	rec.slot[1].state = OTA_SLOT_TRIAL;
	assert_int_equal(ota_bootrec_mark_bad(&rec, OTA_SLOT_B, OTA_CAUSE_APP_RETURNED), 0);
	spoil(&world, OTA_SLOT_A, OTA_CAUSE_SIGNATURE_REFUSED);
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_SAFE);
	assert_int_equal(rec.slot[1].state, OTA_SLOT_BAD);
	spoil(&world, OTA_SLOT_B, OTA_CAUSE_SIGNATURE_REFUSED);
	assert_int_equal(boot(&rec, &world, OTA_CAUSE_NONE).step, OTA_BOOT_NOTHING);
}

static void view_that_is_neither_is_not_taken_for_verified(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	world.content[0].view = (enum ota_slot_view)2;
	world.content[1].view = (enum ota_slot_view)0x5b;
	assert_int_equal(boot(&rec, &world, OTA_CAUSE_NONE).step, OTA_BOOT_NOTHING);
}

static void empty_record_boots_what_verifies(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	ota_bootrec_init(&rec);
	assert_boots(&rec, &world, OTA_SLOT_A, OTA_MODE_NORMAL);
	ota_bootrec_init(&rec);
	spoil(&world, OTA_SLOT_A, OTA_CAUSE_IMAGE_MALFORMED);
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_NORMAL);
}

/* ---- Start: trials ---- */

static void trial_has_three_tries_then_the_old_image_boots(void **state)
{
	struct ota_bootrec rec = trial_pair();
	struct world world = world_of(&rec);

	(void)state;
	for (uint8_t left = 3; left > 0; left--) {
		assert_int_equal(rec.slot[1].tries_left, left);
		assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_TRIAL);
	}
	assert_boots(&rec, &world, OTA_SLOT_A, OTA_MODE_NORMAL);
	assert_int_equal(rec.slot[1].state, OTA_SLOT_BAD);
	assert_int_equal(rec.last_cause, OTA_CAUSE_TRIES_EXHAUSTED);
	assert_true(ota_bootrec_has_failed(&rec, rec.slot[1].image.digest));
	assert_int_equal(rec.failed[0].cause, OTA_CAUSE_TRIES_EXHAUSTED);
	/* The trial's starts are not the confirmed image's. */
	assert_int_equal(rec.starts, 1);
	assert_int_equal(rec.boots, 4);
	assert_int_equal(rec.active, OTA_SLOT_A);
}

static void trial_has_no_pause_and_ignores_the_ladder(void **state)
{
	struct ota_bootrec rec = trial_pair();
	struct world world = world_of(&rec);
	struct ota_boot_plan plan;

	(void)state;
	rec.starts = 10;
	plan = boot(&rec, &world, OTA_CAUSE_NONE);
	assert_int_equal(plan.slot, OTA_SLOT_B);
	assert_int_equal(plan.mode, OTA_MODE_TRIAL);
	assert_int_equal(plan.pause_ms, 0);
}

static void watchdog_is_the_cause_unless_the_trial_named_one(void **state)
{
	struct ota_bootrec rec = trial_pair();
	struct world world = world_of(&rec);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		(void)boot(&rec, &world, i ? OTA_CAUSE_WATCHDOG : OTA_CAUSE_NONE);
	assert_int_equal(rec.failed[0].cause, OTA_CAUSE_WATCHDOG);
	assert_int_equal(rec.last_cause, OTA_CAUSE_WATCHDOG);

	rec = trial_pair();
	(void)boot(&rec, &world, OTA_CAUSE_NONE);
	assert_true(ota_bootrec_name_cause(&rec, rec.slot[1].image.digest, OTA_CAUSE_HEALTH_TIMEOUT));
	for (unsigned i = 0; i < 3; i++)
		(void)boot(&rec, &world, OTA_CAUSE_WATCHDOG);
	assert_int_equal(rec.failed[0].cause, OTA_CAUSE_HEALTH_TIMEOUT);
	assert_int_equal(rec.last_slot, OTA_SLOT_A);
}

static void watchdog_reset_of_a_confirmed_image_is_told(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	(void)boot(&rec, &world, OTA_CAUSE_NONE);
	(void)boot(&rec, &world, OTA_CAUSE_WATCHDOG);
	assert_int_equal(rec.last_cause, OTA_CAUSE_WATCHDOG);
	assert_int_equal(rec.slot[0].state, OTA_SLOT_CONFIRMED);
}

static void trial_that_does_not_verify_ends_at_once_without_a_ban(void **state)
{
	struct ota_bootrec rec = trial_pair();
	struct world world = world_of(&rec);

	(void)state;
	spoil(&world, OTA_SLOT_B, OTA_CAUSE_SIGNATURE_REFUSED);
	assert_boots(&rec, &world, OTA_SLOT_A, OTA_MODE_NORMAL);
	assert_int_equal(rec.slot[1].state, OTA_SLOT_BAD);
	assert_int_equal(rec.last_cause, OTA_CAUSE_SIGNATURE_REFUSED);
	assert_false(ota_bootrec_has_failed(&rec, rec.slot[1].image.digest));
}

static void trial_whose_try_cannot_be_taken_gives_way(void **state)
{
	struct ota_bootrec rec = trial_pair(), before;
	struct world world = world_of(&rec);
	struct ota_boot_plan plan;

	(void)state;
	plan = decide(&rec, &world);
	before = rec;
	ota_bootrec_start(&rec, world.seen, &plan);
	/* The commit failed: U-Boot restores the record and refuses the slot. */
	rec = before;
	world.seen[plan.slot].view = OTA_VIEW_REFUSED;
	world.seen[plan.slot].cause = OTA_CAUSE_RECORD_UNWRITABLE;
	plan = ota_bootrec_plan(&rec, world.seen);
	assert_int_equal(plan.step, OTA_BOOT_EXAMINE);
	assert_int_equal(plan.slot, OTA_SLOT_A);
	world.seen[0] = world.content[0];
	plan = ota_bootrec_plan(&rec, world.seen);
	assert_int_equal(plan.step, OTA_BOOT_START);
	assert_int_equal(plan.slot, OTA_SLOT_A);
	assert_int_equal(plan.mode, OTA_MODE_NORMAL);
}

static void trial_with_a_dead_old_slot_is_still_only_tried_three_times_then_safe(void **state)
{
	struct ota_bootrec rec = trial_pair();
	struct world world = world_of(&rec);

	(void)state;
	spoil(&world, OTA_SLOT_A, OTA_CAUSE_SIGNATURE_REFUSED);
	for (unsigned i = 0; i < 3; i++)
		assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_TRIAL);
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_SAFE);
}

/* ---- Start: the ladder of a dying confirmed image ---- */

static void ladder_changes_mode_then_slot_then_begins_again(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	/* Past 255 too: the step is kept. */
	for (unsigned start = 0; start < 600; start++) {
		unsigned rung = start % 12;

		assert_boots(&rec, &world, rung < 6 ? OTA_SLOT_A : OTA_SLOT_B,
			rung % 6 < 3 ? OTA_MODE_NORMAL : OTA_MODE_SAFE);
	}
	assert_int_equal(rec.slot[0].state, OTA_SLOT_CONFIRMED);
	assert_int_equal(rec.slot[1].state, OTA_SLOT_CONFIRMED);
	assert_int_equal(rec.active, OTA_SLOT_A);
	assert_true(ota_bootrec_clear_starts(&rec));
	assert_false(ota_bootrec_clear_starts(&rec));
	assert_boots(&rec, &world, OTA_SLOT_A, OTA_MODE_NORMAL);
}

static void ladder_stays_in_the_only_slot_that_verifies(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	spoil(&world, OTA_SLOT_B, OTA_CAUSE_IMAGE_MALFORMED);
	for (unsigned start = 0; start < 24; start++)
		assert_boots(&rec, &world, OTA_SLOT_A, start % 6 < 3 ? OTA_MODE_NORMAL : OTA_MODE_SAFE);
}

static void pauses_grow_from_one_second_to_a_minute(void **state)
{
	const uint32_t expected_ms[] = {0, 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000};
	struct ota_bootrec rec = confirmed_pair();
	struct world world = world_of(&rec);

	(void)state;
	for (size_t i = 0; i < sizeof(expected_ms) / sizeof(expected_ms[0]); i++)
		assert_int_equal(boot(&rec, &world, OTA_CAUSE_NONE).pause_ms, expected_ms[i]);
	rec.starts = 255;
	assert_int_equal(boot(&rec, &world, OTA_CAUSE_NONE).pause_ms, 60000);
	assert_int_equal(boot(&rec, &world, OTA_CAUSE_NONE).pause_ms, 60000);
}

/* ---- Both copies lost ---- */

static void put_mark(struct world *world, unsigned slot, uint64_t seq)
{
	world->content[slot].has_mark = true;
	world->content[slot].mark.seq = seq;
	world->content[slot].mark.counter = world->content[slot].image.counter;
	memcpy(world->content[slot].mark.digest, world->content[slot].image.digest, 32);
}

static struct world lost_world(uint32_t counter_a, uint32_t counter_b)
{
	struct ota_bootrec rec = confirmed_pair();

	rec.slot[0].image.counter = counter_a;
	rec.slot[1].image.counter = counter_b;
	return world_of(&rec);
}

static void assert_recovers(const struct world *world, uint8_t active, uint32_t min_counter)
{
	struct ota_bootrec rec;

	ota_bootrec_recover(&rec, world->content);
	assert_int_equal(rec.active, active);
	assert_int_equal(rec.min_counter, min_counter);
	if (active != OTA_SLOT_NONE)
		assert_int_equal(rec.slot[active].state, OTA_SLOT_CONFIRMED);
}

static void recovery_prefers_the_slot_confirmed_last(void **state)
{
	struct world world = lost_world(5, 5);
	struct ota_bootrec rec;

	(void)state;
	put_mark(&world, OTA_SLOT_A, 10);
	put_mark(&world, OTA_SLOT_B, 11);
	assert_recovers(&world, OTA_SLOT_B, 5);
	put_mark(&world, OTA_SLOT_A, UINT64_MAX - 1);
	assert_recovers(&world, OTA_SLOT_A, 5);
	ota_bootrec_recover(&rec, world.content);
	assert_int_equal(rec.seq, UINT64_MAX - 1);
	assert_int_equal(rec.slot[1].state, OTA_SLOT_CONFIRMED);
	assert_int_equal(rec.starts, 0);
}

static void recovery_ignores_marks_of_other_content(void **state)
{
	struct world world = lost_world(5, 5);
	struct ota_bootrec rec;

	(void)state;
	put_mark(&world, OTA_SLOT_A, 99);
	world.content[0].mark.digest[31] ^= 1;
	world.content[0].mark.counter = 1000;
	put_mark(&world, OTA_SLOT_B, 2);
	assert_recovers(&world, OTA_SLOT_B, 5);
	/* The next confirm outranks that mark all the same; and an image nobody vouches for is not confirmed. */
	ota_bootrec_recover(&rec, world.content);
	assert_int_equal(rec.seq, 99);
	assert_int_equal(rec.slot[0].state, OTA_SLOT_EMPTY);
}

static void recovery_skips_a_confirmed_slot_that_does_not_verify(void **state)
{
	struct world world = lost_world(5, 4);

	(void)state;
	spoil(&world, OTA_SLOT_A, OTA_CAUSE_SIGNATURE_REFUSED);
	world.content[0].has_mark = true;
	world.content[0].mark.seq = 50;
	assert_recovers(&world, OTA_SLOT_B, 0);
	put_mark(&world, OTA_SLOT_B, 2);
	assert_recovers(&world, OTA_SLOT_B, 4);
}

static void recovery_brings_the_floor_back(void **state)
{
	struct world world = lost_world(3, 8);

	(void)state;
	put_mark(&world, OTA_SLOT_B, 1);
	/* Its mark's own number is not signed and does not count. */
	world.content[1].mark.counter = 0xffffffff;
	assert_recovers(&world, OTA_SLOT_B, 8);
	put_mark(&world, OTA_SLOT_A, 2);
	assert_recovers(&world, OTA_SLOT_B, 8);
}

static void recovery_without_marks_takes_the_highest_counter(void **state)
{
	struct world world = lost_world(5, 6);

	(void)state;
	assert_recovers(&world, OTA_SLOT_B, 0);
	world = lost_world(6, 5);
	assert_recovers(&world, OTA_SLOT_A, 0);
	world = lost_world(6, 6);
	assert_recovers(&world, OTA_SLOT_A, 0);
	spoil(&world, OTA_SLOT_A, OTA_CAUSE_IMAGE_MALFORMED);
	assert_recovers(&world, OTA_SLOT_B, 0);
	spoil(&world, OTA_SLOT_B, OTA_CAUSE_IMAGE_MALFORMED);
	assert_recovers(&world, OTA_SLOT_NONE, 0);
}

/* ---- Update ---- */

static void update_runs_from_writing_to_confirmed(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct ota_image image = image_of(0xee, 6);
	struct ota_confirm_mark mark;
	struct world world;

	(void)state;
	rec.starts = 2;
	rec.min_counter = 5;
	ota_bootrec_writing(&rec, OTA_SLOT_B, &image);
	assert_int_equal(rec.slot[1].state, OTA_SLOT_WRITING);
	assert_int_equal(ota_bootrec_arm_trial(&rec, OTA_SLOT_B), OTA_BOOTREC_STATE);
	assert_int_equal(ota_bootrec_ready(&rec, OTA_SLOT_B), 0);
	assert_int_equal(ota_bootrec_ready(&rec, OTA_SLOT_B), OTA_BOOTREC_STATE);
	assert_int_equal(ota_bootrec_mark(&rec, OTA_SLOT_B, &mark), OTA_BOOTREC_STATE);
	assert_int_equal(ota_bootrec_arm_trial(&rec, OTA_SLOT_B), 0);
	assert_false(ota_bootrec_raise_counter(&rec));
	world = world_of(&rec);
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_TRIAL);
	ota_bootrec_confirm(&rec, OTA_SLOT_B, &image);
	assert_int_equal(rec.active, OTA_SLOT_B);
	assert_int_equal(rec.starts, 0);
	/* Raised only in a step of its own, after the mark is in the slot. */
	assert_int_equal(rec.min_counter, 5);
	assert_int_equal(ota_bootrec_mark(&rec, OTA_SLOT_B, &mark), 0);
	assert_int_equal(mark.seq, rec.seq);
	assert_int_equal(mark.counter, 6);
	assert_memory_equal(mark.digest, image.digest, 32);
	assert_true(ota_bootrec_raise_counter(&rec));
	assert_int_equal(rec.min_counter, 6);
	assert_false(ota_bootrec_raise_counter(&rec));
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_NORMAL);
}

static void floor_never_falls(void **state)
{
	struct ota_bootrec rec = confirmed_pair();

	(void)state;
	rec.min_counter = 9;
	assert_false(ota_bootrec_raise_counter(&rec));
	assert_int_equal(rec.min_counter, 9);
	rec.active = OTA_SLOT_NONE;
	assert_false(ota_bootrec_raise_counter(&rec));
}

static void trial_is_not_armed_where_it_must_not_be(void **state)
{
	struct ota_bootrec rec = confirmed_pair();

	(void)state;
	assert_int_equal(ota_bootrec_arm_trial(&rec, OTA_SLOT_A), OTA_BOOTREC_STATE);
	rec.min_counter = 6;
	assert_int_equal(ota_bootrec_arm_trial(&rec, OTA_SLOT_B), OTA_BOOTREC_STATE);
	rec.min_counter = 5;
	rec.slot[0].state = OTA_SLOT_TRIAL;
	assert_int_equal(ota_bootrec_arm_trial(&rec, OTA_SLOT_B), OTA_BOOTREC_STATE);
	rec.slot[0].state = OTA_SLOT_CONFIRMED;
	rec.slot[1].state = OTA_SLOT_READY;
	memcpy(rec.failed[2].digest, rec.slot[1].image.digest, 32);
	assert_int_equal(ota_bootrec_arm_trial(&rec, OTA_SLOT_B), OTA_BOOTREC_STATE);
	assert_true(ota_bootrec_forget_failed(&rec, rec.slot[1].image.digest));
	assert_int_equal(ota_bootrec_arm_trial(&rec, OTA_SLOT_B), 0);
}

static void writing_over_the_active_slot_leaves_none_active(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct ota_image image = image_of(0xee, 6);
	struct world world;

	(void)state;
	ota_bootrec_writing(&rec, OTA_SLOT_A, &image);
	assert_int_equal(rec.active, OTA_SLOT_NONE);
	world = world_of(&rec);
	spoil(&world, OTA_SLOT_A, OTA_CAUSE_IMAGE_MALFORMED);
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_NORMAL);
}

static void given_up_trial_lets_the_old_image_boot_with_the_cause(void **state)
{
	struct ota_bootrec rec = trial_pair();
	struct world world = world_of(&rec);

	(void)state;
	assert_boots(&rec, &world, OTA_SLOT_B, OTA_MODE_TRIAL);
	assert_int_equal(ota_bootrec_mark_bad(&rec, OTA_SLOT_B, OTA_CAUSE_HEALTH_TIMEOUT), 0);
	assert_boots(&rec, &world, OTA_SLOT_A, OTA_MODE_NORMAL);
	assert_int_equal(rec.last_cause, OTA_CAUSE_HEALTH_TIMEOUT);
	assert_int_equal(rec.starts, 1);
	/* A confirmed image is never marked bad. */
	assert_int_equal(ota_bootrec_mark_bad(&rec, OTA_SLOT_A, OTA_CAUSE_PANIC), OTA_BOOTREC_STATE);
	assert_int_equal(rec.slot[0].state, OTA_SLOT_CONFIRMED);
}

static void successor_names_the_cause_from_the_crash_record(void **state)
{
	struct ota_bootrec rec = trial_pair();
	struct world world = world_of(&rec);
	uint8_t stranger[32] = {1};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		(void)boot(&rec, &world, OTA_CAUSE_NONE);
	assert_true(ota_bootrec_name_cause(&rec, rec.slot[1].image.digest, OTA_CAUSE_STACK_OVERFLOW));
	assert_int_equal(rec.failed[0].cause, OTA_CAUSE_STACK_OVERFLOW);
	assert_int_equal(rec.slot[1].cause, OTA_CAUSE_STACK_OVERFLOW);
	assert_int_equal(rec.last_cause, OTA_CAUSE_STACK_OVERFLOW);
	assert_false(ota_bootrec_name_cause(&rec, rec.slot[1].image.digest, OTA_CAUSE_STACK_OVERFLOW));
	assert_false(ota_bootrec_name_cause(&rec, stranger, OTA_CAUSE_PANIC));
}

static void failed_list_keeps_the_newest_four_without_doubles(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	struct ota_image images[6];

	(void)state;
	for (uint8_t i = 0; i < 6; i++) {
		images[i] = image_of((uint8_t)(0x10 + i), 5);
		ota_bootrec_writing(&rec, OTA_SLOT_B, &images[i]);
		assert_int_equal(ota_bootrec_mark_bad(&rec, OTA_SLOT_B, OTA_CAUSE_PANIC), 0);
	}
	ota_bootrec_writing(&rec, OTA_SLOT_B, &images[4]);
	assert_int_equal(ota_bootrec_mark_bad(&rec, OTA_SLOT_B, OTA_CAUSE_FAULT), 0);
	assert_memory_equal(rec.failed[0].digest, images[4].digest, 32);
	assert_int_equal(rec.failed[0].cause, OTA_CAUSE_FAULT);
	assert_memory_equal(rec.failed[1].digest, images[5].digest, 32);
	assert_memory_equal(rec.failed[3].digest, images[2].digest, 32);
	assert_false(ota_bootrec_has_failed(&rec, images[1].digest));
	assert_true(ota_bootrec_has_failed(&rec, images[2].digest));
	assert_true(ota_bootrec_forget_failed(&rec, images[5].digest));
	assert_false(ota_bootrec_forget_failed(&rec, images[5].digest));
	assert_true(ota_bootrec_has_failed(&rec, images[2].digest));
}

static void unused_failed_entries_ban_nothing(void **state)
{
	struct ota_bootrec rec = confirmed_pair();
	uint8_t zero[32] = {0};

	(void)state;
	assert_false(ota_bootrec_has_failed(&rec, zero));
	assert_false(ota_bootrec_forget_failed(&rec, zero));
	assert_false(ota_bootrec_name_cause(&rec, zero, OTA_CAUSE_PANIC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(active_slot_boots_without_a_look_at_the_other),
		cmocka_unit_test(refused_active_slot_gives_way_and_is_noted),
		cmocka_unit_test(counter_below_the_floor_is_never_started),
		cmocka_unit_test(state_belongs_to_the_digest),
		cmocka_unit_test(slots_that_are_not_eligible_wait_for_the_last_resort),
		cmocka_unit_test(ready_image_is_a_fallback_without_a_trial),
		cmocka_unit_test(failed_image_is_the_very_last_resort_in_safe_mode),
		cmocka_unit_test(view_that_is_neither_is_not_taken_for_verified),
		cmocka_unit_test(empty_record_boots_what_verifies),
		cmocka_unit_test(trial_has_three_tries_then_the_old_image_boots),
		cmocka_unit_test(trial_has_no_pause_and_ignores_the_ladder),
		cmocka_unit_test(watchdog_is_the_cause_unless_the_trial_named_one),
		cmocka_unit_test(watchdog_reset_of_a_confirmed_image_is_told),
		cmocka_unit_test(trial_that_does_not_verify_ends_at_once_without_a_ban),
		cmocka_unit_test(trial_whose_try_cannot_be_taken_gives_way),
		cmocka_unit_test(trial_with_a_dead_old_slot_is_still_only_tried_three_times_then_safe),
		cmocka_unit_test(ladder_changes_mode_then_slot_then_begins_again),
		cmocka_unit_test(ladder_stays_in_the_only_slot_that_verifies),
		cmocka_unit_test(pauses_grow_from_one_second_to_a_minute),
		cmocka_unit_test(recovery_prefers_the_slot_confirmed_last),
		cmocka_unit_test(recovery_ignores_marks_of_other_content),
		cmocka_unit_test(recovery_skips_a_confirmed_slot_that_does_not_verify),
		cmocka_unit_test(recovery_brings_the_floor_back),
		cmocka_unit_test(recovery_without_marks_takes_the_highest_counter),
		cmocka_unit_test(update_runs_from_writing_to_confirmed),
		cmocka_unit_test(floor_never_falls),
		cmocka_unit_test(trial_is_not_armed_where_it_must_not_be),
		cmocka_unit_test(writing_over_the_active_slot_leaves_none_active),
		cmocka_unit_test(given_up_trial_lets_the_old_image_boot_with_the_cause),
		cmocka_unit_test(successor_names_the_cause_from_the_crash_record),
		cmocka_unit_test(failed_list_keeps_the_newest_four_without_doubles),
		cmocka_unit_test(unused_failed_entries_ban_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
