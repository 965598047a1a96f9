/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "rollout/rollout.h"

/* ---- counts ---- */

uint32_t rollout_in_flight(const struct rollout_wave *wave)
{
	return wave->count[TARGET_OFFERED] + wave->count[TARGET_ACTIVE] + wave->count[TARGET_HELD] +
	       wave->count[TARGET_REVERTING];
}

static uint32_t startable(const struct rollout_wave *wave)
{
	return wave->count[TARGET_PENDING];
}

/* Since an operator last resumed: what failed before was looked at, and forgiven. */
static uint32_t since(const struct rollout_wave *wave, enum target_state state)
{
	return wave->count[state] - wave->forgiven[state];
}

static uint32_t offline_since(const struct rollout_wave *wave)
{
	return wave->offline - wave->offline_forgiven;
}

static uint64_t finished(const struct rollout_wave *wave)
{
	return (uint64_t)since(wave, TARGET_SUCCEEDED) + since(wave, TARGET_FAILED) + since(wave, TARGET_REJECTED) +
	       since(wave, TARGET_TIMED_OUT);
}

/* Forgiven or not: somebody of it had the chance, so there is something to watch. */
static bool has_ended(const struct rollout_wave *wave)
{
	return wave->count[TARGET_SUCCEEDED] + wave->count[TARGET_FAILED] + wave->count[TARGET_REJECTED] +
		       wave->count[TARGET_TIMED_OUT] >
	       0;
}

static uint64_t unfinished(const struct rollout_wave *wave)
{
	return (uint64_t)wave->count[TARGET_PENDING] + rollout_in_flight(wave) + wave->count[TARGET_REVERT];
}

static uint64_t bad(const struct rollout_wave *wave, uint32_t on)
{
	uint64_t sum = 0;

	for (enum target_state state = TARGET_FAILED; state <= TARGET_TIMED_OUT; state++)
		if (on & (1u << state))
			sum += since(wave, state);
	return sum + (on & (1u << TARGET_SKIPPED) ? offline_since(wave) : 0);
}

/* ---- stopping ---- */

static bool is_met(const struct rollout_stop *stop, uint64_t ended_badly, uint64_t ended)
{
	return ended_badly >= stop->min && 100 * ended_badly >= stop->percent * ended;
}

static bool stop_is_met(const struct rollout *rollout, const struct rollout_spec *spec, const struct rollout_stop *stop)
{
	uint64_t all_bad = 0, all_ended = 0;

	for (uint32_t w = 0; w < spec->wave_count; w++) {
		const struct rollout_wave *wave = &rollout->waves[w];
		uint64_t wave_bad = bad(wave, stop->on), wave_ended = finished(wave) + offline_since(wave);

		if (stop->scope == SCOPE_WAVE && is_met(stop, wave_bad, wave_ended))
			return true;
		all_bad += wave_bad;
		all_ended += wave_ended;
	}
	return stop->scope == SCOPE_ROLLOUT && is_met(stop, all_bad, all_ended);
}

/* ---- gates ---- */

static bool gate_is_satisfied(const struct rollout_wave *wave, const struct rollout_wave_spec *spec)
{
	uint64_t done = finished(wave), can = done + unfinished(wave),
		 need = spec->min_finished < can ? spec->min_finished : can;

	return done >= need && 100 * (uint64_t)since(wave, TARGET_SUCCEEDED) >= spec->success_percent * done;
}

/* Where the gate of an open wave stands: passed, stalled, or to be looked at again at *until_ms. */
static bool gate_decide(
	struct rollout_wave *wave, const struct rollout_wave_spec *spec, int64_t now_ms, struct decision *decision)
{
	if (!gate_is_satisfied(wave, spec)) {
		wave->satisfied_ms = ROLLOUT_NEVER;
		decision->kind = DECIDE_STALLED;
		return unfinished(wave) == 0;
	}
	if (wave->satisfied_ms == ROLLOUT_NEVER)
		wave->satisfied_ms = now_ms;
	decision->kind = DECIDE_PASS;
	/* One that holds nobody, or only skipped ones, has nothing to soak. */
	if (!has_ended(wave) && unfinished(wave) == 0)
		return true;
	/* A clock that went back begins the soak anew, it does not lengthen it for ever. */
	if (now_ms < wave->satisfied_ms)
		wave->satisfied_ms = now_ms;
	if (now_ms - wave->satisfied_ms >= spec->soak_ms)
		return true;
	if (decision->until_ms > wave->satisfied_ms + spec->soak_ms)
		decision->until_ms = wave->satisfied_ms + spec->soak_ms;
	return false;
}

/* ---- starts ---- */

static uint32_t rate_progress(const struct rollout_wave *wave, const struct rate_spec *spec)
{
	return spec->on_succeeded ? wave->count[TARGET_SUCCEEDED] : wave->bucket.starts;
}

static bool start_decide(const struct rollout_wave *wave, const struct rollout_wave_spec *spec, int64_t now_ms,
	struct decision *decision)
{
	int64_t next_ms;

	if (wave->state == WAVE_WAITING || startable(wave) == 0 || rollout_in_flight(wave) >= spec->max_in_flight)
		return false;
	next_ms = rate_next_ms(&wave->bucket, &spec->rate, rate_progress(wave, &spec->rate), now_ms);
	if (next_ms < wave->nobody_until_ms)
		next_ms = wave->nobody_until_ms;
	decision->kind = DECIDE_START;
	if (next_ms <= now_ms)
		return true;
	if (decision->until_ms > next_ms)
		decision->until_ms = next_ms;
	return false;
}

static bool revert_decide(const struct rollout_wave *wave, const struct rollout_wave_spec *spec, int64_t now_ms,
	struct decision *decision)
{
	if (wave->count[TARGET_REVERT] == 0 || rollout_in_flight(wave) >= spec->max_in_flight)
		return false;
	decision->kind = DECIDE_REVERT;
	if (wave->nobody_until_ms <= now_ms)
		return true;
	if (decision->until_ms > wave->nobody_until_ms)
		decision->until_ms = wave->nobody_until_ms;
	return false;
}

/* ---- the decision ---- */

static bool all_over(const struct rollout *rollout, const struct rollout_spec *spec)
{
	for (uint32_t w = 0; w < spec->wave_count; w++)
		if (unfinished(&rollout->waves[w]) > 0)
			return false;
	return true;
}

static bool all_passed(const struct rollout *rollout, const struct rollout_spec *spec)
{
	for (uint32_t w = 0; w < spec->wave_count; w++)
		if (rollout->waves[w].state != WAVE_PASSED)
			return false;
	return true;
}

static struct decision running_decide(struct rollout *rollout, const struct rollout_spec *spec, int64_t now_ms)
{
	struct decision decision = {.until_ms = ROLLOUT_NEVER};

	for (uint32_t s = 0; s < spec->stop_count; s++)
		if (stop_is_met(rollout, spec, &spec->stops[s])) {
			decision.kind = DECIDE_STOP;
			decision.stop = s;
			return decision;
		}
	for (uint32_t w = 0; w < spec->wave_count; w++) {
		decision.wave = w;
		if (rollout->waves[w].state == WAVE_OPEN &&
			gate_decide(&rollout->waves[w], &spec->waves[w], now_ms, &decision))
			return decision;
	}
	for (uint32_t w = 0; w < spec->wave_count; w++) {
		decision.wave = w;
		if (start_decide(&rollout->waves[w], &spec->waves[w], now_ms, &decision))
			return decision;
	}
	decision.kind = DECIDE_WAIT;
	if (!spec->continuous && all_passed(rollout, spec) && all_over(rollout, spec)) {
		decision.kind = DECIDE_END;
		decision.state = ROLLOUT_COMPLETE;
	}
	return decision;
}

static struct decision ending_decide(const struct rollout *rollout, const struct rollout_spec *spec, int64_t now_ms)
{
	struct decision decision = {.until_ms = ROLLOUT_NEVER};

	for (uint32_t w = 0; w < spec->wave_count; w++) {
		decision.wave = w;
		if (rollout->state == ROLLOUT_REVERTING &&
			revert_decide(&rollout->waves[w], &spec->waves[w], now_ms, &decision))
			return decision;
	}
	decision.kind = all_over(rollout, spec) ? DECIDE_END : DECIDE_WAIT;
	decision.state = rollout->state == ROLLOUT_REVERTING ? ROLLOUT_REVERTED : ROLLOUT_ABORTED;
	return decision;
}

struct decision rollout_decide(struct rollout *rollout, const struct rollout_spec *spec, int64_t now_ms)
{
	switch (rollout->state) {
	case ROLLOUT_RUNNING:
		return running_decide(rollout, spec, now_ms);
	case ROLLOUT_ABORTING:
	case ROLLOUT_REVERTING:
		return ending_decide(rollout, spec, now_ms);
	default:
		return (struct decision){.kind = DECIDE_WAIT, .until_ms = ROLLOUT_NEVER};
	}
}
