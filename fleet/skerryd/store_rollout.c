/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/store_rollout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_priv.h"

#define IS_STARTED "state IN ('running', 'paused', 'aborting', 'reverting')"

/* ---- rollouts ---- */

void store_rollout_free(struct store_rollout *rollout)
{
	free(rollout->spec);
	rollout->spec = NULL;
}

int store_rollout_add(struct store *store, const struct store_rollout *rollout)
{
	return store_run(store,
		"INSERT INTO rollouts (id, tenant, name, digest, app, state, spec, author, version_number, added_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"ssssssssii", rollout->id, rollout->tenant, rollout->name, rollout->digest, rollout->app,
		rollout_state_name(rollout->state), rollout->spec, rollout->author, rollout->version_number,
		rollout->added_at);
}

int store_rollout_put(struct store *store, const struct store_rollout *rollout)
{
	return store_run(store,
		"UPDATE rollouts SET name = ?, digest = ?, app = ?, state = ?, spec = ?, reason = nullif(?, ''),"
		" version_number = ?, started_at = nullif(?, 0), ended_at = nullif(?, 0) WHERE id = ?",
		"ssssssiiis", rollout->name, rollout->digest, rollout->app, rollout_state_name(rollout->state),
		rollout->spec, rollout->reason, rollout->version_number, rollout->started_at, rollout->ended_at,
		rollout->id);
}

static bool parse_state(const char *name, enum rollout_state *state)
{
	for (*state = ROLLOUT_DRAFT; *state <= ROLLOUT_COMPLETE; (*state)++)
		if (name && strcmp(rollout_state_name(*state), name) == 0)
			return true;
	return false;
}

int store_rollout_get(struct store *store, const char *id, struct store_rollout *rollout)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT id, tenant, name, digest, app, author, reason, state, spec, version_number, added_at,"
		" coalesce(started_at, 0), coalesce(ended_at, 0) FROM rollouts WHERE id = ?",
		"s", id);
	if (rc)
		return rc;
	memset(rollout, 0, sizeof *rollout);
	store_copy_text(stmt, 0, rollout->id, sizeof rollout->id);
	store_copy_text(stmt, 1, rollout->tenant, sizeof rollout->tenant);
	store_copy_text(stmt, 2, rollout->name, sizeof rollout->name);
	store_copy_text(stmt, 3, rollout->digest, sizeof rollout->digest);
	store_copy_text(stmt, 4, rollout->app, sizeof rollout->app);
	store_copy_text(stmt, 5, rollout->author, sizeof rollout->author);
	store_copy_text(stmt, 6, rollout->reason, sizeof rollout->reason);
	bool known = parse_state((const char *)sqlite3_column_text(stmt, 7), &rollout->state);
	const char *spec = (const char *)sqlite3_column_text(stmt, 8);
	rollout->spec = strdup(spec ? spec : "{}");
	rollout->version_number = sqlite3_column_int64(stmt, 9);
	rollout->added_at = sqlite3_column_int64(stmt, 10);
	rollout->started_at = sqlite3_column_int64(stmt, 11);
	rollout->ended_at = sqlite3_column_int64(stmt, 12);
	store_done(store, stmt);
	if (known && rollout->spec)
		return 0;
	store_rollout_free(rollout);
	return store_failed(store);
}

int store_rollouts_list(struct store *store, const char *tenant, int64_t cursor, int64_t limit, json_t **rows)
{
	int64_t below = cursor > 0 ? cursor : INT64_MAX;
	return store_select(store, rows,
		"SELECT n, id FROM rollouts WHERE n < ? AND (? = '' OR tenant = ?) ORDER BY n DESC LIMIT ?", "issi",
		below, tenant, tenant, limit);
}

int store_rollouts_open(struct store *store, const char *device, json_t **rows)
{
	if (!device)
		return store_select(store, rows, "SELECT id FROM rollouts WHERE " IS_STARTED " ORDER BY n", "");
	return store_select(store, rows,
		"SELECT r.id FROM rollout_targets t JOIN rollouts r ON r.id = t.rollout"
		" WHERE t.device = ? AND r." IS_STARTED " ORDER BY r.n",
		"s", device);
}

int store_approval_add(struct store *store, const char *rollout, const char *actor, int64_t now)
{
	if (store_run(store,
		    "INSERT INTO rollout_approvals (rollout, actor, time) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
		    "ssi", rollout, actor, now) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

int store_approvals_json(struct store *store, const char *rollout, json_t **rows)
{
	return store_select(store, rows,
		"SELECT actor, time FROM rollout_approvals WHERE rollout = ? ORDER BY time, actor", "s", rollout);
}

int store_approvals_drop(struct store *store, const char *rollout)
{
	return store_run(store, "DELETE FROM rollout_approvals WHERE rollout = ?", "s", rollout);
}

/* ---- waves ---- */

static const char *const wave_states[] = {[WAVE_WAITING] = "waiting", [WAVE_OPEN] = "open", [WAVE_PASSED] = "passed"};

/* {"offline": n, state: n…}, without zeros. A new string. */
static char *forgiven_text(const struct rollout_wave *wave)
{
	json_t *json = json_object();
	if (wave->offline_forgiven)
		json_object_set_new(json, "offline", json_integer(wave->offline_forgiven));
	for (enum target_state state = 0; state < TARGET_STATES; state++)
		if (wave->forgiven[state])
			json_object_set_new(json, target_state_name(state), json_integer(wave->forgiven[state]));
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static void forgiven_parse(const char *text, struct rollout_wave *wave)
{
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;
	wave->offline_forgiven = (uint32_t)json_integer_value(json_object_get(json, "offline"));
	for (enum target_state state = 0; state < TARGET_STATES; state++)
		wave->forgiven[state] = (uint32_t)json_integer_value(json_object_get(json, target_state_name(state)));
	json_decref(json);
}

int store_wave_put(struct store *store, const char *rollout, uint32_t index, const struct rollout_wave *wave)
{
	char *forgiven = forgiven_text(wave);
	if (!forgiven)
		return store_failed(store);
	int rc = store_run(store,
		"INSERT INTO rollout_waves (rollout, wave, state, satisfied_ms, bucket_fill, bucket_at_ms, "
		"bucket_starts,"
		" forgiven) VALUES (?, ?, ?, nullif(?, ?), ?, ?, ?, ?)"
		" ON CONFLICT (rollout, wave) DO UPDATE SET state = excluded.state, satisfied_ms = "
		"excluded.satisfied_ms,"
		" bucket_fill = excluded.bucket_fill, bucket_at_ms = excluded.bucket_at_ms,"
		" bucket_starts = excluded.bucket_starts, forgiven = excluded.forgiven",
		"sisiiiiis", rollout, (int64_t)index, wave_states[wave->state], wave->satisfied_ms,
		(int64_t)ROLLOUT_NEVER, (int64_t)wave->bucket.fill, wave->bucket.at_ms, (int64_t)wave->bucket.starts,
		forgiven);
	free(forgiven);
	return rc;
}

int store_wave_get(struct store *store, const char *rollout, uint32_t index, struct rollout_wave *wave)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT state, satisfied_ms, bucket_fill, bucket_at_ms, bucket_starts, forgiven FROM rollout_waves"
		" WHERE rollout = ? AND wave = ?",
		"si", rollout, (int64_t)index);
	if (rc)
		return rc;
	const char *state = (const char *)sqlite3_column_text(stmt, 0);
	for (wave->state = WAVE_PASSED; wave->state > WAVE_WAITING; wave->state--)
		if (state && strcmp(wave_states[wave->state], state) == 0)
			break;
	wave->satisfied_ms =
		sqlite3_column_type(stmt, 1) == SQLITE_NULL ? ROLLOUT_NEVER : sqlite3_column_int64(stmt, 1);
	wave->bucket = (struct rate_bucket){.fill = (uint64_t)sqlite3_column_int64(stmt, 2),
		.at_ms = sqlite3_column_int64(stmt, 3),
		.starts = (uint32_t)sqlite3_column_int64(stmt, 4)};
	forgiven_parse((const char *)sqlite3_column_text(stmt, 5), wave);
	store_done(store, stmt);
	return 0;
}

static bool parse_target_state(const char *name, enum target_state *state)
{
	for (*state = TARGET_PENDING; *state < TARGET_STATES; (*state)++)
		if (name && strcmp(target_state_name(*state), name) == 0)
			return true;
	return false;
}

int store_waves_count(struct store *store, const char *rollout, struct rollout_wave waves[ROLLOUT_WAVES_MAX])
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT wave, state, count(*), sum(offline) FROM rollout_targets WHERE rollout = ? GROUP BY wave, "
		"state",
		"s", rollout);
	int step = SQLITE_ROW;
	if (rc)
		return rc < 0 ? -1 : 0;
	for (; step == SQLITE_ROW; step = sqlite3_step(stmt)) {
		int64_t wave = sqlite3_column_int64(stmt, 0);
		enum target_state state;
		if (wave < 0 || wave >= ROLLOUT_WAVES_MAX ||
			!parse_target_state((const char *)sqlite3_column_text(stmt, 1), &state))
			continue;
		waves[wave].count[state] = (uint32_t)sqlite3_column_int64(stmt, 2);
		waves[wave].offline += (uint32_t)sqlite3_column_int64(stmt, 3);
	}
	rc = step == SQLITE_DONE ? 0 : store_failed(store);
	store_done(store, stmt);
	return rc;
}

/* ---- targets ---- */

int store_target_add(struct store *store, const char *rollout, const struct store_target *target)
{
	return store_run(store,
		"INSERT INTO rollout_targets (rollout, device, wave, rank, state, tries_left, digest_before)"
		" VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''))",
		"ssiisis", rollout, target->device, (int64_t)target->wave, target->rank,
		target_state_name(target->target.state), (int64_t)target->target.tries_left, target->digest_before);
}

int store_target_put(struct store *store, const char *rollout, const struct store_target *target)
{
	const struct target *t = &target->target;
	return store_run(store,
		"UPDATE rollout_targets SET state = ?, tries_left = ?, stopped = ?, go_back = ?, offline = ?,"
		" job = nullif(?, ''), digest_before = nullif(?, ''), not_before_ms = ?, turn_ms = nullif(?, 0),"
		" started_ms = nullif(?, 0), ended_ms = nullif(?, 0), error = nullif(?, '')"
		" WHERE rollout = ? AND device = ?",
		"siiiissiiiisss", target_state_name(t->state), (int64_t)t->tries_left, (int64_t)t->stopped,
		(int64_t)t->go_back, (int64_t)t->offline, target->job, target->digest_before, target->not_before_ms,
		target->turn_ms, target->started_ms, target->ended_ms, target->error, rollout, target->device);
}

int store_target_get(struct store *store, const char *rollout, const char *device, struct store_target *target)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT state, tries_left, stopped, go_back, offline, wave, rank, job, digest_before, error,"
		" not_before_ms, turn_ms, started_ms, ended_ms FROM rollout_targets WHERE rollout = ? AND device = ?",
		"ss", rollout, device);
	if (rc)
		return rc;
	memset(target, 0, sizeof *target);
	memcpy(target->device, device, strnlen(device, sizeof target->device - 1));
	bool known = parse_target_state((const char *)sqlite3_column_text(stmt, 0), &target->target.state);
	target->target.tries_left = (uint32_t)sqlite3_column_int64(stmt, 1);
	target->target.stopped = sqlite3_column_int(stmt, 2) != 0;
	target->target.go_back = sqlite3_column_int(stmt, 3) != 0;
	target->target.offline = sqlite3_column_int(stmt, 4) != 0;
	target->wave = (uint32_t)sqlite3_column_int64(stmt, 5);
	target->rank = sqlite3_column_int64(stmt, 6);
	store_copy_text(stmt, 7, target->job, sizeof target->job);
	store_copy_text(stmt, 8, target->digest_before, sizeof target->digest_before);
	store_copy_text(stmt, 9, target->error, sizeof target->error);
	target->not_before_ms = sqlite3_column_int64(stmt, 10);
	target->turn_ms = sqlite3_column_int64(stmt, 11);
	target->started_ms = sqlite3_column_int64(stmt, 12);
	target->ended_ms = sqlite3_column_int64(stmt, 13);
	store_done(store, stmt);
	return known ? 0 : store_failed(store);
}

int store_targets_in(struct store *store, const char *rollout, enum target_state state, int64_t limit, json_t **rows)
{
	return store_select(store, rows,
		"SELECT device FROM rollout_targets WHERE rollout = ? AND state = ? ORDER BY wave, rank LIMIT ?", "ssi",
		rollout, target_state_name(state), limit);
}

int store_targets_json(struct store *store, const struct store_target_query *query, json_t **rows)
{
	return store_select(store, rows,
		"SELECT t.device, t.wave, t.state, t.tries_left AS triesLeft, t.job AS jobId, t.digest_before AS "
		"digestBefore,"
		" t.error, t.started_ms / 1000 AS startedAt, t.ended_ms / 1000 AS endedAt,"
		" nullif(t.not_before_ms, 0) / 1000 AS notBefore, d.online AS online_bool, d.digest, d.version, "
		"j.details AS "
		"jobDetails_json, j.status AS jobStatus"
		" FROM rollout_targets t JOIN devices d ON d.id = t.device LEFT JOIN jobs j ON j.id = t.job"
		" WHERE t.rollout = ? AND t.device > ? AND (? < 0 OR t.wave = ?) AND (? IS NULL OR t.state = ?)"
		" ORDER BY t.device LIMIT ?",
		"ssiissi", query->rollout, query->cursor, query->wave, query->wave, query->state, query->state,
		query->limit);
}

/* ---- whose turn it is ---- */

#define FREE                                                                                                           \
	" AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.device = t.device AND j.status IN ('QUEUED', 'IN_PROGRESS'))"
#define OF_WAVE                                                                                                        \
	" FROM rollout_targets t JOIN devices d ON d.id = t.device WHERE t.rollout = ? AND t.wave = ? AND t.state = ?"

int store_targets_pick(struct store *store, const struct store_pick *pick, json_t **rows)
{
	return store_select(store, rows,
		"SELECT t.device, d.online AS online_bool" OF_WAVE
		" AND t.not_before_ms <= ? AND (d.online = 1 OR ? = 1)" FREE " ORDER BY t.rank LIMIT ?",
		"sisiii", pick->rollout, (int64_t)pick->wave, target_state_name(pick->state), pick->now_ms,
		(int64_t)pick->with_offline, pick->limit);
}

int store_targets_next(struct store *store, const struct store_pick *pick, int64_t *at_ms)
{
	sqlite3_stmt *stmt;
	if (store_find(store, &stmt,
		    "SELECT coalesce(min(t.not_before_ms), ?)" OF_WAVE
		    " AND t.not_before_ms > ? AND (d.online = 1 OR ? = 1)",
		    "isisii", (int64_t)ROLLOUT_NEVER, pick->rollout, (int64_t)pick->wave,
		    target_state_name(pick->state), pick->now_ms, (int64_t)pick->with_offline) != 0)
		return -1;
	*at_ms = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}

int store_targets_turn(struct store *store, const struct store_pick *pick, int64_t rank)
{
	return store_run(store,
		"UPDATE rollout_targets SET turn_ms = ? WHERE rollout = ? AND wave = ? AND state = ? AND rank < ?"
		" AND turn_ms IS NULL AND not_before_ms <= ?"
		" AND (SELECT online FROM devices d WHERE d.id = device) = 0",
		"isisii", pick->now_ms, pick->rollout, (int64_t)pick->wave, target_state_name(pick->state), rank,
		pick->now_ms);
}

int store_targets_missed(struct store *store, const char *rollout, int64_t turn_ms, json_t **rows)
{
	return store_select(store, rows,
		"SELECT t.device FROM rollout_targets t JOIN devices d ON d.id = t.device"
		" WHERE t.rollout = ? AND t.state IN ('pending', 'offered') AND t.turn_ms <= ? AND d.online = 0"
		" ORDER BY t.device LIMIT 500",
		"si", rollout, turn_ms);
}

int store_targets_late(struct store *store, const char *rollout, int64_t started_ms, json_t **rows)
{
	return store_select(store, rows,
		"SELECT t.device FROM rollout_targets t JOIN devices d ON d.id = t.device"
		" WHERE t.rollout = ? AND t.state IN ('offered', 'active', 'reverting') AND t.started_ms <= ?"
		" AND NOT (t.state = 'offered' AND d.online = 0) ORDER BY t.started_ms, t.device LIMIT 500",
		"si", rollout, started_ms);
}

int store_targets_held(struct store *store, const char *rollout, int64_t now_ms, json_t **rows)
{
	return store_select(store, rows,
		"SELECT t.device FROM rollout_targets t JOIN devices d ON d.id = t.device WHERE t.rollout = ?"
		" AND t.state = 'held' AND t.not_before_ms <= ? AND d.online = 1 ORDER BY t.wave, t.rank LIMIT 500",
		"si", rollout, now_ms);
}

int store_targets_gone(struct store *store, const char *rollout, json_t **rows)
{
	return store_select(store, rows,
		"SELECT t.device FROM devices d CROSS JOIN rollout_targets t ON t.device = d.id WHERE t.rollout = ?"
		" AND t.state IN ('pending', 'offered', 'active', 'held', 'revert', 'reverting') AND d.state <> "
		"'active'"
		" ORDER BY t.device LIMIT 500",
		"s", rollout);
}

/* ---- bulk changes ---- */

int store_targets_stop(struct store *store, const char *rollout, bool go_back)
{
	return store_run(store, "UPDATE rollout_targets SET stopped = 1, go_back = ? WHERE rollout = ?", "is",
		(int64_t)go_back, rollout);
}

int store_targets_move(struct store *store, const struct store_move *move)
{
	return store_run(store,
		"UPDATE rollout_targets SET state = ?, ended_ms = nullif(?, 0) WHERE rollout = ? AND state = ?", "siss",
		target_state_name(move->to), move->ended_ms, move->rollout, target_state_name(move->from));
}

/* ---- devices and images, as rollouts look at them ---- */

int store_device_holds(struct store *store, const char *id, bool *holds)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT coalesce(json_extract(report, '$.holds') = 1, 0) FROM devices WHERE id = ?", "s", id);
	if (rc)
		return rc;
	*holds = sqlite3_column_int(stmt, 0) != 0;
	store_done(store, stmt);
	return 0;
}

int store_device_attribute(struct store *store, const char *id, const char *name, char *out, size_t size)
{
	json_t *row;
	int rc = store_select_one(
		store, &row, "SELECT attributes AS attributes_json FROM devices WHERE id = ?", "s", id);
	if (rc)
		return rc;
	const char *text = json_string_value(json_object_get(json_object_get(row, "attributes"), name));
	snprintf(out, size, "%s", text ? text : "");
	json_decref(row);
	return 0;
}

int store_image_facts(struct store *store, const char *digest, const char *tenant, struct store_manifest *facts)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT app, version, vendor_id, class_id FROM images i WHERE digest = ? AND class_id IS NOT NULL"
		" AND (NOT EXISTS (SELECT 1 FROM image_tenants t WHERE t.digest = i.digest)"
		" OR EXISTS (SELECT 1 FROM image_tenants t WHERE t.digest = i.digest AND t.tenant = ?))",
		"ss", digest, tenant);
	if (rc)
		return rc;
	memset(facts, 0, sizeof *facts);
	store_copy_text(stmt, 0, facts->app, sizeof facts->app);
	store_copy_text(stmt, 1, facts->version, sizeof facts->version);
	if (sqlite3_column_bytes(stmt, 2) == 16 && sqlite3_column_bytes(stmt, 3) == 16) {
		memcpy(facts->vendor_id, sqlite3_column_blob(stmt, 2), 16);
		memcpy(facts->class_id, sqlite3_column_blob(stmt, 3), 16);
		facts->understood = true;
	}
	store_done(store, stmt);
	return facts->understood ? 0 : STORE_NONE;
}

/* ---- who may be taken ---- */

/* The condition of a selector; "" holds for all. */
static int make_where(
	struct store *store, const char *text, const char *tenant, struct store_where *where, struct fleet_error *error)
{
	struct selector selector;
	if (selector_parse(text ? text : "", &selector, error) < 0)
		return STORE_NONE;
	return store_where_make(store, &selector, tenant, where, error);
}

/* Also those that are taken by another rollout, which `taken` names; not those that are in this one. */
static int select_candidates(struct store *store, const struct store_candidates *candidates,
	const struct store_where where[2], json_t **rows)
{
	char *sql, *boards = json_dumps(candidates->boards, JSON_COMPACT);
	int rc = -1;
	if (asprintf(&sql,
		    "SELECT d.id, d.digest, d.mode, d.online AS online_bool%s,"
		    " (SELECT r.id FROM rollout_targets t JOIN rollouts r ON r.id = t.rollout WHERE t.device = d.id"
		    " AND r.id <> ? AND r.app = ? AND r." IS_STARTED " LIMIT 1) AS taken"
		    " FROM devices d WHERE (%s) AND (%s) AND d.state = 'active' AND instr(?, '\"' || d.board || '\"') "
		    "> 0"
		    " AND NOT EXISTS (SELECT 1 FROM rollout_targets t WHERE t.rollout = ? AND t.device = d.id)",
		    candidates->with_attributes ? ", d.attributes AS attributes_json" : "", where[0].sql,
		    where[1].sql) < 0)
		sql = NULL;
	if (sql && boards)
		rc = store_select(store, rows, sql, "sswwss", candidates->rollout, candidates->app, &where[0],
			&where[1], boards, candidates->rollout);
	free(sql);
	free(boards);
	return rc;
}

int store_candidates_get(
	struct store *store, const struct store_candidates *candidates, json_t **rows, struct fleet_error *error)
{
	struct store_where where[2] = {{0}, {0}};
	*rows = NULL;
	int rc = make_where(store, candidates->selectors[0], candidates->tenant, &where[0], error);
	if (rc == 0)
		rc = make_where(store, candidates->selectors[1], candidates->tenant, &where[1], error);
	if (rc == 0)
		rc = select_candidates(store, candidates, where, rows);
	store_where_free(&where[0]);
	store_where_free(&where[1]);
	return rc;
}
