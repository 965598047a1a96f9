/* SPDX-License-Identifier: Apache-2.0 */
/* Rollouts as the API shows them. */
#include <stdio.h>
#include <string.h>

#include "skerryd/rollouts_priv.h"

#define NAMES_MAX 20 /* of a wave's devices, in a plan */

/* ---- a rollout ---- */

/* `revert` is ours: for those outside it is being brought back already. */
static const char *shown_state(enum target_state state)
{
	return target_state_name(state == TARGET_REVERT ? TARGET_REVERTING : state);
}

static void add_counts(json_t *counts, const struct rollout_wave *wave)
{
	for (enum target_state state = 0; state < TARGET_STATES; state++) {
		const char *name = shown_state(state);
		json_int_t sum = json_integer_value(json_object_get(counts, name)) + wave->count[state];
		if (sum)
			json_object_set_new(counts, name, json_integer(sum));
	}
}

static json_t *wave_json(const struct open_rollout *r, uint32_t w)
{
	static const char *const states[] = {
		[WAVE_WAITING] = "waiting", [WAVE_OPEN] = "open", [WAVE_PASSED] = "passed"};
	const struct rollout_wave *wave = &r->rollout.waves[w];
	const struct rollout_wave_spec *spec = &r->description->spec.waves[w];
	json_int_t size = 0;
	json_t *counts = json_object();
	add_counts(counts, wave);
	for (enum target_state state = 0; state < TARGET_STATES; state++)
		size += wave->count[state];
	json_t *json = json_pack("{s:s, s:s, s:o, s:I, s:I}", "name", r->description->members[w].name, "state",
		states[wave->state], "counts", counts, "size", size, "inFlight", (json_int_t)rollout_in_flight(wave));
	if (wave->state == WAVE_OPEN && wave->satisfied_ms != ROLLOUT_NEVER) {
		json_object_set_new(json, "satisfiedAt", json_integer(wave->satisfied_ms / 1000));
		json_object_set_new(json, "opensAt", json_integer((wave->satisfied_ms + spec->soak_ms) / 1000));
	}
	return json;
}

/* The next wave opens when the soak of this one is over. */
static json_t *waves_json(const struct open_rollout *r)
{
	json_t *waves = json_array(), *opens = NULL;
	for (uint32_t w = 0; w < r->description->spec.wave_count; w++) {
		json_t *wave = wave_json(r, w), *next = json_incref(json_object_get(wave, "opensAt"));
		json_object_del(wave, "opensAt");
		if (opens && r->rollout.waves[w].state == WAVE_WAITING)
			json_object_set(wave, "opensAt", opens);
		json_decref(opens);
		opens = next;
		json_array_append_new(waves, wave);
	}
	json_decref(opens);
	return waves;
}

static void set_time(json_t *json, const char *member, int64_t at)
{
	if (at)
		json_object_set_new(json, member, json_integer(at));
}

static json_t *rollout_object(const struct open_rollout *r, json_t *approvals, const char *version)
{
	const struct store_rollout *row = &r->row;
	json_t *counts = json_object();
	for (uint32_t w = 0; w < r->description->spec.wave_count; w++)
		add_counts(counts, &r->rollout.waves[w]);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "id",
		row->id, "tenant", row->tenant, "name", row->name, "digest", row->digest, "version", version, "app",
		row->app, "state", rollout_state_name(row->state), "author", row->author, "versionNumber",
		(json_int_t)row->version_number, "addedAt", (json_int_t)row->added_at, "counts", counts, "waves",
		waves_json(r), "spec", rollout_spec_json(r->description), "approvals", approvals);
	if (!json)
		return NULL;
	if (*row->reason)
		json_object_set_new(json, "reason", json_string(row->reason));
	set_time(json, "startedAt", row->started_at);
	set_time(json, "endedAt", row->ended_at);
	return json;
}

static int make_json(struct skerryd *server, const struct open_rollout *r, json_t **out)
{
	struct store_manifest facts = {0};
	json_t *approvals;
	if (store_image_facts(server->store, r->row.digest, r->row.tenant, &facts) < 0 ||
		store_approvals_json(server->store, r->row.id, &approvals) < 0)
		return -1;
	*out = rollout_object(r, approvals, facts.version);
	return *out ? 0 : -1;
}

int rollouts_json(struct skerryd *server, const struct principal *who, const char *id, json_t **rollout)
{
	struct open_rollout *r = rollout_find(server, id);
	bool loaded = !r;
	int rc = loaded ? rollout_load(server, id, &r) : 0;
	if (rc)
		return rc;
	if (*who->tenant && strcmp(who->tenant, r->row.tenant) != 0)
		rc = STORE_NONE;
	else
		rc = make_json(server, r, rollout);
	if (loaded)
		rollout_free(r);
	return rc;
}

/* ---- a plan ---- */

/* The least time from a wave's opening until its gate can be satisfied: starts by the rate, then the soak. */
static int64_t least_ms(const struct rollout_wave_spec *spec, size_t size)
{
	struct rate_bucket bucket;
	int64_t now = 0;
	size_t needed = spec->min_finished < size ? spec->min_finished : size;
	rate_begin(&bucket, &spec->rate, 0);
	for (size_t i = 0; i < needed; i++) {
		now = rate_next_ms(&bucket, &spec->rate, (uint32_t)i, now);
		rate_take(&bucket, &spec->rate, (uint32_t)i, now);
	}
	return now + (size ? spec->soak_ms : 0);
}

static json_t *plan_wave(
	const struct fill *fill, const struct rollout_description *description, uint32_t w, size_t first)
{
	json_t *names = json_array();
	json_int_t online = 0, done = 0;
	for (size_t i = 0; i < fill->size[w]; i++) {
		const struct fill_device *device = fill->order[first + i];
		online += device->online;
		done += device->runs_it;
		if (i < NAMES_MAX)
			json_array_append_new(names, json_string(device->id));
	}
	return json_pack("{s:s, s:I, s:I, s:I, s:o}", "name", description->members[w].name, "size",
		(json_int_t)fill->size[w], "online", online, "runsIt", done, "devices", names);
}

/* Those that match and are in no wave: taken by another rollout, or left over. */
static void add_others(json_t *plan, const struct fill *fill)
{
	json_t *taken = json_array();
	json_int_t left = 0, count = 0;
	for (size_t i = 0; i < fill->count; i++) {
		const struct fill_device *device = &fill->devices[i];
		count += *device->taken != 0;
		if (*device->taken && json_array_size(taken) < NAMES_MAX)
			json_array_append_new(
				taken, json_pack("{s:s, s:s}", "device", device->id, "rollout", device->taken));
		left += !*device->taken && device->wave == FILL_NO_WAVE;
	}
	json_object_set_new(plan, "inNoWave", json_integer(left));
	json_object_set_new(plan, "inOtherRollouts", json_integer(count));
	json_object_set_new(plan, "taken", taken);
}

static void add_unknown_zones(json_t *plan, const struct fill *fill)
{
	static struct zone zone;
	json_t *unknown = json_array();
	for (size_t i = 0; i < fill->in_waves && json_array_size(unknown) < NAMES_MAX; i++) {
		const struct fill_device *device = fill->order[i];
		if (*device->zone && !zone_load(device->zone, &zone))
			json_array_append_new(
				unknown, json_pack("{s:s, s:s}", "device", device->id, "timezone", device->zone));
	}
	json_object_set_new(plan, "unknownTimezones", unknown);
}

/* Those whose agents reset when they are ready: they begin only while both windows are open. 0 or -1. */
static int add_cannot_hold(struct skerryd *server, json_t *plan, const struct fill *fill)
{
	json_int_t count = 0;
	for (size_t i = 0; i < fill->in_waves; i++) {
		bool holds = false;
		if (store_device_holds(server->store, fill->order[i]->id, &holds) < 0)
			return -1;
		count += !holds;
	}
	return json_object_set_new(plan, "cannotHold", json_integer(count));
}

static json_t *plan_json(const struct fill *fill, const struct rollout_description *description)
{
	json_t *waves = json_array();
	int64_t opens_ms = 0;
	size_t first = 0;
	for (uint32_t w = 0; w < description->spec.wave_count; w++) {
		json_t *wave = plan_wave(fill, description, w, first);
		json_object_set_new(wave, "opensAfterS", json_integer(opens_ms / 1000));
		json_array_append_new(waves, wave);
		opens_ms += least_ms(&description->spec.waves[w], fill->size[w]);
		first += fill->size[w];
	}
	json_t *plan = json_pack("{s:s, s:s, s:I, s:I, s:o, s:I, s:o}", "name", description->name, "digest",
		description->digest, "matching", (json_int_t)fill->count, "devices", (json_int_t)fill->in_waves,
		"waves", waves, "approvals", (json_int_t)description->approvals, "spec",
		rollout_spec_json(description));
	if (!plan)
		return NULL;
	add_others(plan, fill);
	if (!window_is_always(&description->download) || !window_is_always(&description->flash))
		add_unknown_zones(plan, fill);
	return plan;
}

enum rollouts_outcome rollouts_plan(struct skerryd *server, const struct principal *who,
	const struct rollout_description *description, json_t **plan, struct fleet_error *error)
{
	struct store_rollout row = {.id = ""};
	struct store_manifest facts = {0};
	struct fill fill;
	snprintf(row.tenant, sizeof row.tenant, "%s", rollout_tenant(who, description));
	memcpy(row.digest, description->digest, sizeof row.digest);
	if (store_image_facts(server->store, row.digest, row.tenant, &facts) < 0)
		return ROLLOUTS_FAILED;
	memcpy(row.app, facts.app, sizeof row.app);
	enum rollouts_outcome outcome = fill_make(server, &row, description, &fill, error);
	if (outcome != ROLLOUTS_DONE)
		return outcome;
	*plan = plan_json(&fill, description);
	if (*plan && !window_is_always(&description->flash) && add_cannot_hold(server, *plan, &fill) < 0) {
		json_decref(*plan);
		*plan = NULL;
	}
	fill_free(&fill);
	return *plan ? ROLLOUTS_DONE : ROLLOUTS_FAILED;
}
