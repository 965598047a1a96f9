/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to devices in a rollout: the engine's step, and what the database and the device's job have to follow. */
#include <stdio.h>
#include <string.h>

#include "skerryd/jobs.h"
#include "skerryd/rollouts_priv.h"

/* A new try, or the last word: the times and texts that go with the state. */
static void settle(struct skerryd *server, const struct open_rollout *r, struct store_target *target,
	enum target_event event, const char *error)
{
	enum target_state state = target->target.state;
	snprintf(target->error, sizeof target->error, "%s", error && state != TARGET_SUCCEEDED ? error : "");
	target->ended_ms = target_state_is_final(state) ? server->now_ms : 0;
	if (state == TARGET_OFFERED || state == TARGET_REVERTING) {
		target->started_ms = server->now_ms;
		target->turn_ms = 0;
	}
	/* The wait for a window is no part of what a try may take. */
	if (state == TARGET_ACTIVE && event != EVENT_TAKEN)
		target->started_ms = server->now_ms;
	if (state != TARGET_PENDING) {
		target->not_before_ms = 0;
		return;
	}
	if (event == EVENT_PAUSE)
		target->started_ms = 0; /* that try was never begun */
	else if (event != EVENT_RETRY)
		target->not_before_ms = server->now_ms + r->description->retry_delay_ms;
	else
		target->not_before_ms = 0;
}

#define LET_GO 1

/* Another rollout may wait for a device that this one lets go. */
static void wake_others(struct skerryd *server, const struct open_rollout *r)
{
	for (struct open_rollout *other = server->rollouts->first; other; other = other->next) {
		if (other == r)
			continue;
		for (uint32_t w = 0; w < other->description->spec.wave_count; w++)
			other->rollout.waves[w].nobody_until_ms = 0;
		other->due_ms = server->now_ms;
	}
}

/*
 * The job that goes with the state before: what nobody wants any more is withdrawn. The name of one that the device has taken is kept: it will say how it
 * ended. What it said of one that is still queued was lost on the way when it runs the image all the same. 0; LET_GO: the device may have another job; -1.
 */
static int follow_job(struct skerryd *server, struct store_target *target, enum target_job what,
	enum target_event event, enum target_state before)
{
	bool in_flight = before == TARGET_OFFERED || before == TARGET_REVERTING;
	bool idle = before == TARGET_OFFERED && target->target.state != TARGET_ACTIVE;
	if (!*target->job)
		return 0;
	if (in_flight && (event == EVENT_RUNS || event == EVENT_RUNS_BEFORE))
		return jobs_fulfil(server, target->job) < 0 ? -1 : LET_GO;
	if (what == JOB_KEEP && !idle)
		return 0;
	if (jobs_withdraw(server, target->job) < 0)
		return -1;
	if (idle)
		target->job[0] = 0;
	return LET_GO;
}

int rollout_step(struct skerryd *server, struct open_rollout *r, struct store_target *target, enum target_event event,
	const char *error)
{
	const struct target before = target->target;
	enum target_job what = target_step(&target->target, event);
	const struct target *after = &target->target;
	bool moved = after->state != before.state;
	if (!moved && after->tries_left == before.tries_left && after->stopped == before.stopped &&
		after->go_back == before.go_back && what == JOB_KEEP)
		return 0;
	r->changed = true;
	if (moved) {
		settle(server, r, target, event, error);
		rollout_count(&r->rollout, target->wave, &before, after);
	}
	int rc = 0;
	if (event != EVENT_START && event != EVENT_REVERT_START)
		rc = follow_job(server, target, what, event, before.state);
	if (rc < 0)
		return -1;
	if (rc == LET_GO)
		wake_others(server, r);
	return store_target_put(server->store, r->row.id, target);
}

int rollout_step_truth(struct skerryd *server, struct open_rollout *r, struct store_target *target, const char *digest)
{
	char text[128];
	if (strcmp(digest, r->row.digest) == 0)
		return rollout_step(server, r, target, EVENT_RUNS, NULL);
	snprintf(text, sizeof text, "it runs %.12s…", digest);
	return rollout_step(server, r, target,
		strcmp(digest, target->digest_before) == 0 ? EVENT_RUNS_BEFORE : EVENT_RUNS_OTHER, text);
}

/* ---- all of them ---- */

/* Those in `from` that have no job: in one statement, and in the counts one by one. */
static int move_all(struct skerryd *server, struct open_rollout *r, enum target_state from, enum target_event event)
{
	struct target before = {.state = from}, after = before;
	uint32_t moved = 0;
	(void)target_step(&after, event);
	if (after.state == from)
		return 0;
	for (uint32_t w = 0; w < r->description->spec.wave_count; w++)
		for (uint32_t n = r->rollout.waves[w].count[from]; n > 0; n--, moved++)
			rollout_count(&r->rollout, w, &before, &after);
	if (moved == 0)
		return 0;
	return store_targets_move(
		server->store, &(struct store_move){.rollout = r->row.id,
				       .from = from,
				       .to = after.state,
				       .ended_ms = target_state_is_final(after.state) ? server->now_ms : 0});
}

int rollout_step_rows(
	struct skerryd *server, struct open_rollout *r, json_t *rows, enum target_event event, const char *error)
{
	const json_t *row;
	size_t index;
	int rc = 0;
	json_array_foreach(rows, index, row)
	{
		struct store_target target;
		if (rc == 0)
			rc = store_target_get(
				server->store, r->row.id, json_string_value(json_object_get(row, "device")), &target);
		if (rc == 0)
			rc = rollout_step(server, r, &target, event, error);
	}
	json_decref(rows);
	return rc ? -1 : 0;
}

int rollout_step_state(struct skerryd *server, struct open_rollout *r, enum target_state state, enum target_event event,
	const char *error)
{
	json_t *rows;
	if (store_targets_in(server->store, r->row.id, state, INT64_MAX, &rows) < 0)
		return -1;
	return rollout_step_rows(server, r, rows, event, error);
}

int rollout_stop_all(struct skerryd *server, struct open_rollout *r, enum rollout_action action, const char *reason)
{
	static const enum target_event events[] = {
		[ACTION_PAUSE] = EVENT_PAUSE, [ACTION_ABORT] = EVENT_ABORT, [ACTION_ROLLBACK] = EVENT_ROLLBACK};
	static const char *const kinds[] = {[ACTION_PAUSE] = "rollout-paused",
		[ACTION_ABORT] = "rollout-aborting",
		[ACTION_ROLLBACK] = "rollout-reverting"};
	static const enum target_state without_job[] = {TARGET_PENDING, TARGET_SUCCEEDED};
	rollout_stop(&r->rollout, action);
	snprintf(r->row.reason, sizeof r->row.reason, "%s", reason);
	r->changed = true;
	if (action != ACTION_PAUSE) {
		for (size_t i = 0; i < sizeof without_job / sizeof *without_job; i++)
			if (move_all(server, r, without_job[i], events[action]) < 0)
				return -1;
		if (store_targets_stop(server->store, r->row.id, action == ACTION_ROLLBACK) < 0)
			return -1;
	}
	if (rollout_step_state(server, r, TARGET_OFFERED, events[action], NULL) < 0 ||
		rollout_step_state(server, r, TARGET_ACTIVE, events[action], NULL) < 0 ||
		rollout_step_state(server, r, TARGET_HELD, events[action], NULL) < 0)
		return -1;
	return rollout_event(server, r, kinds[action], "%s", reason);
}
