/* SPDX-License-Identifier: Apache-2.0 */
/* The rollout engine's corners that a random history seldom meets; its promises are prop_rollout's. */
#include "rollout/rollout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MINUTE = 60000 };

static struct rollout_spec spec_of(uint32_t waves)
{
	struct rollout_spec spec = {.wave_count = waves};

	for (uint32_t i = 0; i < waves; i++)
		spec.waves[i] = (struct rollout_wave_spec){
			.max_in_flight = 100, .success_percent = 95, .min_finished = ROLLOUT_ALL};
	return spec;
}

static void join(struct rollout *rollout, uint32_t wave, struct target *targets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		targets[i] = target_new(1);
		rollout_count(rollout, wave, NULL, &targets[i]);
	}
}

static void step(struct rollout *rollout, uint32_t wave, struct target *target, enum target_event event)
{
	struct target before = *target;

	(void)target_step(target, event);
	rollout_count(rollout, wave, &before, target);
}

static void empty_waves_pass_at_once_and_the_rollout_ends(void **state)
{
	struct rollout_spec spec = spec_of(2);
	struct rollout rollout;

	(void)state;
	spec.waves[0].soak_ms = 60 * MINUTE;
	rollout_init(&rollout, &spec);
	rollout_pass(&rollout, &spec, ROLLOUT_ALL, 0);
	for (uint32_t wave = 0; wave < 2; wave++) {
		struct decision decision = rollout_decide(&rollout, &spec, 0);

		assert_int_equal(decision.kind, DECIDE_PASS);
		assert_int_equal(decision.wave, wave);
		rollout_pass(&rollout, &spec, wave, 0);
	}
	assert_int_equal(rollout_decide(&rollout, &spec, 0).kind, DECIDE_END);
}

static void percentages_are_not_rounded(void **state)
{
	/* 19 of 20 are 95 %, 18 of 19 are less */
	static const struct {
		uint32_t devices, good;
		enum decision_kind kind;
	} cases[] = {{20, 19, DECIDE_PASS}, {19, 18, DECIDE_STALLED}, {1, 1, DECIDE_PASS}, {1, 0, DECIDE_STALLED}};

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct rollout_spec spec = spec_of(1);
		struct rollout rollout;
		struct target targets[20];

		rollout_init(&rollout, &spec);
		join(&rollout, 0, targets, cases[c].devices);
		rollout_pass(&rollout, &spec, ROLLOUT_ALL, 0);
		for (uint32_t i = 0; i < cases[c].devices; i++) {
			step(&rollout, 0, &targets[i], EVENT_START);
			step(&rollout, 0, &targets[i], i < cases[c].good ? EVENT_RUNS : EVENT_JOB_FAILED);
		}
		assert_int_equal(rollout_decide(&rollout, &spec, 0).kind, cases[c].kind);
	}
}

static void soak_begins_anew_when_the_gate_shuts(void **state)
{
	struct rollout_spec spec = spec_of(2);
	struct rollout rollout;
	struct target targets[4];

	(void)state;
	spec.waves[0].soak_ms = 10 * MINUTE;
	spec.waves[0].min_finished = 2;
	spec.waves[0].success_percent = 70;
	rollout_init(&rollout, &spec);
	join(&rollout, 0, targets, 4);
	rollout_pass(&rollout, &spec, ROLLOUT_ALL, 0);
	for (int i = 0; i < 4; i++)
		step(&rollout, 0, &targets[i], EVENT_START);
	step(&rollout, 0, &targets[0], EVENT_RUNS);
	step(&rollout, 0, &targets[1], EVENT_RUNS);
	assert_int_equal(rollout_decide(&rollout, &spec, 0).until_ms, 10 * MINUTE);
	step(&rollout, 0, &targets[2], EVENT_JOB_FAILED); /* 2 of 3: 66 % */
	assert_int_equal(rollout_decide(&rollout, &spec, 9 * MINUTE).kind, DECIDE_WAIT);
	step(&rollout, 0, &targets[3], EVENT_RUNS); /* 3 of 4 */
	assert_int_equal(rollout_decide(&rollout, &spec, 11 * MINUTE).until_ms, 21 * MINUTE);
	assert_int_equal(rollout_decide(&rollout, &spec, 21 * MINUTE).kind, DECIDE_PASS);
}

static void resume_forgives_and_stops_again_for_new_failures(void **state)
{
	struct rollout_spec spec = spec_of(1);
	struct rollout rollout;
	struct target targets[4];

	(void)state;
	spec.stop_count = 1;
	spec.stops[0] = (struct rollout_stop){
		.on = 1u << TARGET_FAILED, .percent = 50, .min = 1, .scope = SCOPE_ROLLOUT, .action = ACTION_PAUSE};
	rollout_init(&rollout, &spec);
	join(&rollout, 0, targets, 4);
	rollout_pass(&rollout, &spec, ROLLOUT_ALL, 0);
	for (int i = 0; i < 4; i++)
		step(&rollout, 0, &targets[i], EVENT_START);
	for (int i = 0; i < 2; i++) {
		step(&rollout, 0, &targets[i], EVENT_JOB_FAILED);
		assert_int_equal(rollout_decide(&rollout, &spec, 0).kind, DECIDE_STOP);
		rollout_stop(&rollout, ACTION_PAUSE);
		assert_int_equal(rollout_decide(&rollout, &spec, 0).kind, DECIDE_WAIT);
		rollout_resume(&rollout, &spec);
		assert_int_equal(rollout_decide(&rollout, &spec, 0).kind, DECIDE_WAIT);
	}
	/* A retry takes one of the forgiven ones away; when it fails again it counts. */
	step(&rollout, 0, &targets[0], EVENT_RETRY);
	step(&rollout, 0, &targets[0], EVENT_START);
	step(&rollout, 0, &targets[0], EVENT_JOB_FAILED);
	assert_int_equal(rollout_decide(&rollout, &spec, 0).kind, DECIDE_STOP);
}

static void rate_grows_by_its_factor_up_to_its_limit(void **state)
{
	const struct rate_spec rate = {.per_minute = 10, .factor_percent = 150, .every = 10, .max_per_minute = 40};

	(void)state;
	assert_int_equal(rate_now(&rate, 0), 10);
	assert_int_equal(rate_now(&rate, 9), 10);
	assert_int_equal(rate_now(&rate, 10), 15);
	assert_int_equal(rate_now(&rate, 20), 23);
	assert_int_equal(rate_now(&rate, 30), 35);
	assert_int_equal(rate_now(&rate, 40), 40);
	assert_int_equal(rate_now(&rate, UINT32_MAX), 40);
}

static void rate_saves_nothing_up_and_survives_a_clock_that_goes_back(void **state)
{
	const struct rate_spec rate = {.per_minute = 6};
	struct rate_bucket bucket;
	int64_t now = 1000 * (int64_t)MINUTE;

	(void)state;
	rate_begin(&bucket, &rate, 0);
	assert_int_equal(rate_next_ms(&bucket, &rate, 0, now), now); /* after a thousand minutes: one */
	rate_take(&bucket, &rate, 0, now);
	assert_int_equal(rate_next_ms(&bucket, &rate, 0, now), now + 10000);
	assert_int_equal(rate_next_ms(&bucket, &rate, 0, now - MINUTE), now - MINUTE + 10000);
}

static void every_event_in_every_state_is_harmless(void **state)
{
	(void)state;
	for (int s = 0; s < TARGET_STATES; s++)
		for (int e = 0; e < TARGET_EVENTS; e++)
			for (int bits = 0; bits < 8; bits++) {
				struct target target = {.state = (enum target_state)s,
					.tries_left = bits & 1,
					.stopped = bits & 2,
					.go_back = bits & 4};
				enum target_job job = target_step(&target, (enum target_event)e);

				assert_true(target.state < TARGET_STATES);
				/* A job is withdrawn only where there can be one. */
				if (job == JOB_WITHDRAW)
					assert_true(s == TARGET_OFFERED || s == TARGET_ACTIVE || s == TARGET_HELD ||
						    s == TARGET_REVERTING);
				/* Only what runs is success. */
				if (target.state == TARGET_SUCCEEDED && s != TARGET_SUCCEEDED)
					assert_int_equal(e, EVENT_RUNS);
				/* After a stop nothing waits for a window: nobody would open it. */
				if ((bits & 2) && target.state == TARGET_HELD)
					assert_true(s == TARGET_HELD && e != EVENT_ABORT && e != EVENT_ROLLBACK);
				/* After a stop nothing is started. */
				if ((bits & 2) && target.state == TARGET_PENDING)
					assert_int_equal(s, TARGET_PENDING);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_waves_pass_at_once_and_the_rollout_ends),
		cmocka_unit_test(percentages_are_not_rounded),
		cmocka_unit_test(soak_begins_anew_when_the_gate_shuts),
		cmocka_unit_test(resume_forgives_and_stops_again_for_new_failures),
		cmocka_unit_test(rate_grows_by_its_factor_up_to_its_limit),
		cmocka_unit_test(rate_saves_nothing_up_and_survives_a_clock_that_goes_back),
		cmocka_unit_test(every_event_in_every_state_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
