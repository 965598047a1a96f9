/* SPDX-License-Identifier: Apache-2.0 */
/* The decision loop: asks the engine what is next and carries it out. */
#include <stdio.h>
#include <string.h>

#include "skerryd/artifact.h"
#include "skerryd/jobs.h"
#include "skerryd/note.h"
#include "skerryd/rollouts_priv.h"

#define DECISIONS_A_GROUP 64 /* the rest in the next turn: others have theirs meanwhile */
#define PICKED_AT_ONCE    64
#define BUSY_RETRY_MS     1000
#define ROOM_MS           500 /* how long a count of those who fetch holds */

/* Devices that were picked and not looked at yet. */
struct picked {
	json_t *rows;
	size_t next;
	struct store_pick pick;
};

/* ---- picking ---- */

static int pick_more(struct skerryd *server, struct picked *picked, const struct store_pick *pick)
{
	json_decref(picked->rows);
	*picked = (struct picked){.pick = *pick};
	return store_targets_pick(server->store, pick, &picked->rows);
}

/* Nobody can start now: when can somebody? Whoever comes online or is free again is an event. */
static int nobody(struct skerryd *server, struct open_rollout *r, const struct store_pick *pick)
{
	int64_t at_ms;
	if (store_targets_next(server->store, pick, &at_ms) < 0)
		return -1;
	r->rollout.waves[pick->wave].nobody_until_ms = at_ms;
	if (r->description->offline != OFFLINE_DEADLINE || pick->state != TARGET_PENDING)
		return 0;
	return store_targets_turn(server->store, pick, INT64_MAX);
}

/* The next device whose turn it is. 0; STORE_NONE: there is none, and that is noted; -1. */
static int pick_next(struct skerryd *server, struct open_rollout *r, struct picked *picked,
	const struct store_pick *pick, struct store_target *target)
{
	for (int round = 0;; round++) {
		const json_t *row = json_array_get(picked->rows, picked->next);
		bool same = picked->pick.wave == pick->wave && picked->pick.state == pick->state;
		if (row && same) {
			picked->next++;
			const char *device = json_string_value(json_object_get(row, "device"));
			if (store_target_get(server->store, r->row.id, device, target) != 0)
				return -1;
			if (target->target.state == pick->state && target->not_before_ms <= server->now_ms)
				return 0;
			continue;
		}
		if (round > 0 && same && json_array_size(picked->rows) == 0)
			return nobody(server, r, pick) < 0 ? -1 : STORE_NONE;
		if (pick_more(server, picked, pick) < 0)
			return -1;
	}
}

static int put_off(struct skerryd *server, const struct open_rollout *r, struct store_target *target, int64_t until_ms)
{
	target->not_before_ms = until_ms;
	return store_target_put(server->store, r->row.id, target);
}

/* ---- room ---- */

/*
 * However many devices may be in flight: those who fetch at the same time share the artifact server, and when they are too many for it all run into
 * their timeouts and come again. So no more are started than `downloads-max` at once, of all rollouts together, each a like part of what is free.
 */
static int share_room(struct skerryd *server, const struct open_rollout *asking)
{
	struct rollouts *rollouts = server->rollouts;
	int64_t fetching, max = (int64_t)server->settings.downloads_max, sharing = 1;
	if (store_job_count_fetching(server->store, &fetching) < 0)
		return -1;
	for (const struct open_rollout *r = rollouts->first; r; r = r->next)
		sharing += r != asking && (r->row.state == ROLLOUT_RUNNING || r->row.state == ROLLOUT_REVERTING);
	rollouts->room = max > fetching ? (max - fetching + sharing - 1) / sharing : 0;
	rollouts->room_ms = server->now_ms + ROOM_MS;
	return 0;
}

/* 1: a device may be started; 0: not before rollouts.room_ms; -1. */
static int has_room(struct skerryd *server, struct open_rollout *r)
{
	const struct rollouts *rollouts = server->rollouts;
	int64_t left_ms = rollouts->room_ms - server->now_ms;
	if (server->settings.downloads_max == 0)
		return 1;
	if ((left_ms <= 0 || left_ms > ROOM_MS || r->room_ms == 0) && share_room(server, r) < 0)
		return -1;
	if (r->room_ms != rollouts->room_ms) {
		r->room_ms = rollouts->room_ms;
		r->room = rollouts->room;
	}
	return r->room > 0;
}

/* ---- starting ---- */

/* The rollout cannot go on as it is: somebody has to look. */
static int give_up(struct skerryd *server, struct open_rollout *r, const char *why)
{
	return rollout_stop_all(server, r, ACTION_PAUSE, why);
}

static int started(
	struct skerryd *server, struct open_rollout *r, struct store_target *target, const struct store_device *device)
{
	/* What it runs now is what it would go back to; unless that is the image itself. */
	if (*device->digest && strcmp(device->digest, r->row.digest) != 0)
		snprintf(target->digest_before, sizeof target->digest_before, "%s", device->digest);
	r->room--;
	if (rollout_step(server, r, target, EVENT_START, NULL) < 0)
		return -1;
	rollout_started(&r->rollout, &r->description->spec, target->wave, server->now_ms);
	return 0;
}

static int start_job(
	struct skerryd *server, struct open_rollout *r, struct store_target *target, const struct store_device *device)
{
	const struct job_order order = {.device = target->device,
		.digest = r->row.digest,
		.retry = target->started_ms != 0, /* it may have failed here before, in this rollout */
		.trial_s = r->description->trial_s,
		.rollout = r->row.id};
	switch (jobs_create(server, &order, target->job)) {
	case JOBS_DONE:
		return started(server, r, target, device);
	case JOBS_BUSY:
		target->job[0] = 0;
		return put_off(server, r, target, server->now_ms + BUSY_RETRY_MS);
	case JOBS_NO_DEVICE:
		return rollout_step(server, r, target, EVENT_GONE, "it is not in the fleet");
	case JOBS_NO_IMAGE:
		return give_up(server, r, "the image is not here any more");
	case JOBS_TOO_LONG:
		return give_up(server, r, "the job document would be longer than 24 KiB");
	default:
		return -1;
	}
}

/* A device whose turn it is: starts, is skipped, or is put off. */
static int start_device(struct skerryd *server, struct open_rollout *r, struct store_target *target)
{
	struct store_device device;
	int64_t at_ms;
	int rc = store_device_get(server->store, target->device, &device);
	if (rc)
		return rc < 0 ? -1 : rollout_step(server, r, target, EVENT_GONE, "it is not in the fleet");
	if (!device.online)
		return rollout_step(server, r, target, EVENT_SKIP_OFFLINE, "it was offline when its turn came");
	rc = rollout_window_next(server, r, target->device, &at_ms);
	if (rc == STORE_NONE)
		return rollout_step(server, r, target, EVENT_GONE, "its attribute `timezone` is no known time zone");
	if (rc < 0)
		return -1;
	return at_ms > server->now_ms ? put_off(server, r, target, at_ms) : start_job(server, r, target, &device);
}

static int start(struct skerryd *server, struct open_rollout *r, struct picked *picked, uint32_t wave)
{
	struct store_target target;
	const struct store_pick pick = {.rollout = r->row.id,
		.wave = wave,
		.state = TARGET_PENDING,
		.now_ms = server->now_ms,
		.limit = PICKED_AT_ONCE,
		.with_offline = r->description->offline == OFFLINE_SKIP};
	int rc = pick_next(server, r, picked, &pick, &target);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (r->description->offline == OFFLINE_DEADLINE && store_targets_turn(server->store, &pick, target.rank) < 0)
		return -1;
	return start_device(server, r, &target);
}

/* ---- going back ---- */

static int revert_job(struct skerryd *server, struct open_rollout *r, struct store_target *target)
{
	/* What it ran before was good there once, but it may have been listed as failed since. */
	const struct job_order order = {.device = target->device,
		.digest = target->digest_before,
		.retry = true,
		.trial_s = r->description->trial_s,
		.rollout = r->row.id};
	switch (jobs_create(server, &order, target->job)) {
	case JOBS_DONE:
		r->room--;
		return rollout_step(server, r, target, EVENT_REVERT_START, NULL);
	case JOBS_BUSY:
		target->job[0] = 0;
		return put_off(server, r, target, server->now_ms + BUSY_RETRY_MS);
	case JOBS_FAILED:
		return -1;
	default:
		return rollout_step(server, r, target, EVENT_GONE, "the image it ran before is not here");
	}
}

static int revert(struct skerryd *server, struct open_rollout *r, struct picked *picked, uint32_t wave)
{
	struct store_target target;
	const struct store_pick pick = {.rollout = r->row.id,
		.wave = wave,
		.state = TARGET_REVERT,
		.now_ms = server->now_ms,
		.limit = PICKED_AT_ONCE};
	int rc = pick_next(server, r, picked, &pick, &target);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (strcmp(target.digest_before, r->row.digest) == 0)
		return rollout_step(server, r, &target, EVENT_RUNS_BEFORE, "it ran the image before the rollout");
	if (!*target.digest_before)
		return rollout_step(server, r, &target, EVENT_GONE, "what it ran before is not known");
	return revert_job(server, r, &target);
}

/* ---- the rest ---- */

static void stop_text(const struct open_rollout *r, uint32_t index, char *out, size_t size)
{
	const struct rollout_stop *stop = &r->description->spec.stops[index];
	uint32_t failed = 0, rejected = 0, late = 0, offline = 0;
	for (uint32_t w = 0; w < r->description->spec.wave_count; w++) {
		failed += r->rollout.waves[w].count[TARGET_FAILED];
		rejected += r->rollout.waves[w].count[TARGET_REJECTED];
		late += r->rollout.waves[w].count[TARGET_TIMED_OUT];
		offline += r->rollout.waves[w].offline;
	}
	snprintf(out, size,
		"stop criterion %u (%u %% and %u of the %s) is met: %u failed, %u rejected, %u timed out, %u offline",
		index + 1, stop->percent, stop->min, stop->scope == SCOPE_WAVE ? "wave" : "rollout", failed, rejected,
		late, offline);
}

static int stop(struct skerryd *server, struct open_rollout *r, uint32_t index)
{
	char text[200];
	stop_text(r, index, text, sizeof text);
	note("rollout: stopped rollout=%s reason=\"%s\"", r->row.id, text);
	return rollout_stop_all(server, r, r->description->spec.stops[index].action, text);
}

static int stalled(struct skerryd *server, struct open_rollout *r, uint32_t wave)
{
	char text[160];
	snprintf(text, sizeof text, "the wave '%s' has ended and does not satisfy its gate: %u of %u succeeded",
		r->description->members[wave].name, r->rollout.waves[wave].count[TARGET_SUCCEEDED],
		r->rollout.waves[wave].count[TARGET_SUCCEEDED] + r->rollout.waves[wave].count[TARGET_FAILED] +
			r->rollout.waves[wave].count[TARGET_REJECTED] + r->rollout.waves[wave].count[TARGET_TIMED_OUT]);
	return rollout_stop_all(server, r, ACTION_PAUSE, text);
}

static int pass(struct skerryd *server, struct open_rollout *r, uint32_t wave)
{
	const struct rollout_description *description = r->description;
	bool last = wave + 1 == description->spec.wave_count;
	rollout_pass(&r->rollout, &description->spec, wave, server->now_ms);
	return rollout_event(server, r, "rollout-wave", "wave '%s' passed%s%s%s", description->members[wave].name,
		last ? "" : ", '", last ? "" : description->members[wave + 1].name, last ? "" : "' opens");
}

static int end(struct skerryd *server, struct open_rollout *r, enum rollout_state state)
{
	r->rollout.state = state;
	r->changed = true;
	return rollout_event(server, r, "rollout-ended", "%s", rollout_state_name(state));
}

static int carry_out(
	struct skerryd *server, struct open_rollout *r, struct picked *picked, const struct decision *decision)
{
	switch (decision->kind) {
	case DECIDE_STOP:
		return stop(server, r, decision->stop);
	case DECIDE_STALLED:
		return stalled(server, r, decision->wave);
	case DECIDE_PASS:
		return pass(server, r, decision->wave);
	case DECIDE_START:
		return start(server, r, picked, decision->wave);
	case DECIDE_REVERT:
		return revert(server, r, picked, decision->wave);
	case DECIDE_END:
		return end(server, r, decision->state);
	case DECIDE_WAIT:
		return 0;
	}
	return -1;
}

int rollout_serve(struct skerryd *server, struct open_rollout *r)
{
	struct picked picked = {0};
	int rc = 0;
	r->due_ms = server->now_ms;
	for (int i = 0; rc == 0 && i < DECISIONS_A_GROUP; i++) {
		struct decision decision = rollout_decide(&r->rollout, &r->description->spec, server->now_ms);
		if (decision.kind == DECIDE_WAIT) {
			r->due_ms = decision.until_ms;
			break;
		}
		if (decision.kind == DECIDE_START || decision.kind == DECIDE_REVERT) {
			int room = has_room(server, r);
			if (room <= 0) {
				r->due_ms = server->rollouts->room_ms;
				rc = room;
				break;
			}
		}
		/* Even when nothing comes of it: what is in memory may not be what is in the database. */
		r->touched = true;
		rc = carry_out(server, r, &picked, &decision);
	}
	json_decref(picked.rows);
	return rc < 0 ? -1 : rollout_keep(server, r);
}
