/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/rollout.h"

#include <assert.h>
#include <string.h>

const char *rollout_state_name(enum rollout_state state)
{
	static const char *const names[] = {
		[ROLLOUT_DRAFT] = "draft",
		[ROLLOUT_RUNNING] = "running",
		[ROLLOUT_PAUSED] = "paused",
		[ROLLOUT_ABORTING] = "aborting",
		[ROLLOUT_ABORTED] = "aborted",
		[ROLLOUT_REVERTING] = "reverting",
		[ROLLOUT_REVERTED] = "reverted",
		[ROLLOUT_COMPLETE] = "complete",
	};
	return state < sizeof names / sizeof *names ? names[state] : "?";
}

bool rollout_state_is_over(enum rollout_state state)
{
	return state == ROLLOUT_ABORTED || state == ROLLOUT_REVERTED || state == ROLLOUT_COMPLETE;
}

void rollout_init(struct rollout *rollout, const struct rollout_spec *spec)
{
	assert(spec->wave_count >= 1 && spec->wave_count <= ROLLOUT_WAVES_MAX && spec->stop_count <= ROLLOUT_STOPS_MAX);
	memset(rollout, 0, sizeof *rollout);
	for (uint32_t w = 0; w < spec->wave_count; w++)
		rollout->waves[w].satisfied_ms = ROLLOUT_NEVER;
}

/* What an operator forgave and is not there any more, by a retry or by what the device says, cannot be forgiven again. */
static void leave(struct rollout_wave *wave, const struct target *target)
{
	uint32_t *count = &wave->count[target->state], *forgiven = &wave->forgiven[target->state];

	assert(*count > 0);
	(*count)--;
	if (*forgiven > *count)
		*forgiven = *count;
	if (!target->offline)
		return;
	assert(wave->offline > 0);
	wave->offline--;
	if (wave->offline_forgiven > wave->offline)
		wave->offline_forgiven = wave->offline;
}

void rollout_count(struct rollout *rollout, uint32_t wave, const struct target *before, const struct target *after)
{
	struct rollout_wave *w = &rollout->waves[wave];

	if (before)
		leave(w, before);
	w->count[after->state]++;
	if (after->offline)
		w->offline++;
	w->nobody_until_ms = 0;
}

static void open_wave(struct rollout *rollout, const struct rollout_spec *spec, uint32_t wave, int64_t now_ms)
{
	rollout->waves[wave].state = WAVE_OPEN;
	rate_begin(&rollout->waves[wave].bucket, &spec->waves[wave].rate, now_ms);
}

void rollout_pass(struct rollout *rollout, const struct rollout_spec *spec, uint32_t wave, int64_t now_ms)
{
	uint32_t next = wave == ROLLOUT_ALL ? 0 : wave + 1;

	if (wave == ROLLOUT_ALL)
		rollout->state = ROLLOUT_RUNNING;
	else
		rollout->waves[wave].state = WAVE_PASSED;
	if (next < spec->wave_count && rollout->waves[next].state == WAVE_WAITING)
		open_wave(rollout, spec, next, now_ms);
}

void rollout_stop(struct rollout *rollout, enum rollout_action action)
{
	static const enum rollout_state states[] = {
		[ACTION_PAUSE] = ROLLOUT_PAUSED,
		[ACTION_ABORT] = ROLLOUT_ABORTING,
		[ACTION_ROLLBACK] = ROLLOUT_REVERTING,
	};
	rollout->state = states[action];
}

void rollout_resume(struct rollout *rollout, const struct rollout_spec *spec)
{
	for (uint32_t w = 0; w < spec->wave_count; w++) {
		struct rollout_wave *wave = &rollout->waves[w];

		memcpy(wave->forgiven, wave->count, sizeof wave->forgiven);
		wave->forgiven[TARGET_SUCCEEDED] = 0; /* what went well still counts */
		wave->offline_forgiven = wave->offline;
		wave->satisfied_ms = ROLLOUT_NEVER;
		wave->nobody_until_ms = 0;
	}
	rollout->state = ROLLOUT_RUNNING;
}

void rollout_started(struct rollout *rollout, const struct rollout_spec *spec, uint32_t wave, int64_t now_ms)
{
	struct rollout_wave *w = &rollout->waves[wave];
	const struct rate_spec *rate = &spec->waves[wave].rate;

	rate_take(&w->bucket, rate, rate->on_succeeded ? w->count[TARGET_SUCCEEDED] : w->bucket.starts, now_ms);
}
