/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts in the database: the rollout, its waves, its devices ("targets"). Returns as in store.h. All changes inside a group.
 */
#ifndef SKERRYD_STORE_ROLLOUT_H
#define SKERRYD_STORE_ROLLOUT_H

#include "rollout/rollout.h"
#include "skerryd/store.h"

struct store_rollout {
	char id[33], tenant[33], name[65], digest[65], app[33], author[65], reason[201];
	enum rollout_state state;
	int64_t version_number, added_at, started_at, ended_at; /* unix seconds, 0: not yet */
	char *spec;                                             /* JSON as accepted; owned */
};
void store_rollout_free(struct store_rollout *rollout);
int store_rollout_add(struct store *store, const struct store_rollout *rollout) STORE_CHECK;
/* Write all but id, tenant, author and added_at. */
int store_rollout_put(struct store *store, const struct store_rollout *rollout) STORE_CHECK;
int store_rollout_get(struct store *store, const char *id, struct store_rollout *rollout) STORE_CHECK;
/* Newest first, rows of {n, id}, below the number `cursor` (0: from the newest); tenant "": of all. */
int store_rollouts_list(
	struct store *store, const char *tenant, int64_t cursor, int64_t limit, json_t **rows) STORE_CHECK;
/* Ids of those that are started and not over, rows of {id}; device NULL: all, else those that the device is a target of. */
int store_rollouts_open(struct store *store, const char *device, json_t **rows) STORE_CHECK;

int store_approval_add(struct store *store, const char *rollout, const char *actor, int64_t now) STORE_CHECK;
/* Rows of {actor, time}. */
int store_approvals_json(struct store *store, const char *rollout, json_t **rows) STORE_CHECK;
int store_approvals_drop(struct store *store, const char *rollout) STORE_CHECK;

/* State, gate, rate and what was forgiven of a wave; the counts are not kept but counted. */
int store_wave_put(
	struct store *store, const char *rollout, uint32_t index, const struct rollout_wave *wave) STORE_CHECK;
int store_wave_get(struct store *store, const char *rollout, uint32_t index, struct rollout_wave *wave) STORE_CHECK;
/* count[] and offline of all waves, which are all zero before. */
int store_waves_count(
	struct store *store, const char *rollout, struct rollout_wave waves[ROLLOUT_WAVES_MAX]) STORE_CHECK;

struct store_target {
	char device[65];
	uint32_t wave;
	int64_t rank; /* who first, within the wave */
	struct target target;
	char job[65];           /* the last one made for it, "" none that counts */
	char digest_before[65]; /* what it ran before, "" unknown */
	char error[129];        /* why it ended as it did, "" nothing to say */
	int64_t not_before_ms; /* no start before; of one that holds: no release; of an active one: when it was released, 0: it was not */
	int64_t turn_ms;    /* when it could first not be started for being offline, 0: not yet */
	int64_t started_ms; /* of the try, 0: it never was started */
	int64_t ended_ms;
};
int store_target_add(struct store *store, const char *rollout, const struct store_target *target) STORE_CHECK;
int store_target_put(struct store *store, const char *rollout, const struct store_target *target) STORE_CHECK;
int store_target_get(
	struct store *store, const char *rollout, const char *device, struct store_target *target) STORE_CHECK;
/* Rows of {device}: all that are in `state`. */
int store_targets_in(
	struct store *store, const char *rollout, enum target_state state, int64_t limit, json_t **rows) STORE_CHECK;
/* As the API shows them, by device id, above `cursor` ("": from the first). wave -1: of all; state NULL: in any. */
struct store_target_query {
	const char *rollout, *state, *cursor;
	int64_t wave, limit;
};
int store_targets_json(struct store *store, const struct store_target_query *query, json_t **rows) STORE_CHECK;

/*
 * Those of `wave` in `state` (pending or revert) whose time has come and that have no open job, in their order, rows of {device, online}; with_offline: also those that are
 * offline.
 */
struct store_pick {
	const char *rollout;
	uint32_t wave;
	enum target_state state;
	int64_t now_ms, limit;
	bool with_offline;
};
int store_targets_pick(struct store *store, const struct store_pick *pick, json_t **rows) STORE_CHECK;
/* When the next of them can be started that cannot yet, ROLLOUT_NEVER: nobody. */
int store_targets_next(struct store *store, const struct store_pick *pick, int64_t *at_ms) STORE_CHECK;
/* It is the turn of those that are offline and could else be started, if their rank is below `rank`. */
int store_targets_turn(struct store *store, const struct store_pick *pick, int64_t rank) STORE_CHECK;
/* Rows of {device}: pending, and could not be started since before `turn_ms` for being offline. */
int store_targets_missed(struct store *store, const char *rollout, int64_t turn_ms, json_t **rows) STORE_CHECK;
/* Rows of {device}: under way since before `started_ms`; not those that are offered and offline. */
int store_targets_late(struct store *store, const char *rollout, int64_t started_ms, json_t **rows) STORE_CHECK;
/* Rows of {device}: held and online, and their window may be open. */
int store_targets_held(struct store *store, const char *rollout, int64_t now_ms, json_t **rows) STORE_CHECK;
/* Rows of {device}: not in a final state, but not in the fleet any more. */
int store_targets_gone(struct store *store, const char *rollout, json_t **rows) STORE_CHECK;

/* Bulk changes: no device of the rollout is tried again once its try is over; all in `from` are in `to` now (ended_ms 0: not an end). */
int store_targets_stop(struct store *store, const char *rollout, bool go_back) STORE_CHECK;
struct store_move {
	const char *rollout;
	enum target_state from, to;
	int64_t ended_ms;
};
int store_targets_move(struct store *store, const struct store_move *move) STORE_CHECK;

/* Did it report that its agent can hold a job? */
int store_device_holds(struct store *store, const char *id, bool *holds) STORE_CHECK;
/* An attribute of a device, "" when it has none. */
int store_device_attribute(struct store *store, const char *id, const char *name, char *out, size_t size) STORE_CHECK;
/* What the manifest of an image says: app, version, vendor and class. STORE_NONE: no such image, none that the tenant sees, or one whose manifest is not understood. */
int store_image_facts(
	struct store *store, const char *digest, const char *tenant, struct store_manifest *facts) STORE_CHECK;

/* Devices that may be taken: of the tenant, of one of the boards, active, not in this rollout. */
struct store_candidates {
	const char *rollout, *tenant, *app;
	const json_t *boards;     /* an array of names */
	const char *selectors[2]; /* "" or NULL: all */
	bool with_attributes;
};
/* Rows of {id, digest, mode, online, attributes, taken: the other rollout of the app that it is in}. STORE_NONE: *error says what is wrong with a selector. */
int store_candidates_get(struct store *store, const struct store_candidates *candidates, json_t **rows,
	struct fleet_error *error) STORE_CHECK;

#endif
