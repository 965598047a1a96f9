/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/store_history.h"

#include "skerryd/store_priv.h"

#define HOUR_S    INT64_C(3600)
#define DAY_S     (24 * HOUR_S)
#define MINUTES_S (2 * DAY_S)
#define HOURS_S   (90 * DAY_S)
#define DAYS_S    (3653 * DAY_S)

int store_count_devices_json(struct store *store, const char *tenant, json_t **rows)
{
	return store_select(store, rows,
		"SELECT tenant, state, nullif(version, '') AS version, online AS online_bool, nullif(health, '') AS "
		"health,"
		" sum(count) AS count FROM facts WHERE ? = '' OR tenant = ?"
		" GROUP BY tenant, state, version, online, health",
		"ss", tenant, tenant);
}

int store_count_expiring(struct store *store, const char *tenant, int64_t before, int64_t *count)
{
	sqlite3_stmt *stmt;
	if (store_find(store, &stmt,
		    "SELECT count(*) FROM devices WHERE cert_expires < ? AND state = 'active' AND (? = '' OR tenant = "
		    "?)",
		    "iss", before, tenant, tenant) != 0)
		return -1;
	*count = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}

int store_count_jobs_json(struct store *store, const char *tenant, bool open, json_t **rows)
{
	/* Without a tenant and with those that are over, a list of counts is all that is needed: no look at the devices. */
	if (!*tenant && !open)
		return store_select(
			store, rows, "SELECT '' AS tenant, status, count(*) AS count FROM jobs GROUP BY status", "");
	if (!*tenant)
		return store_select(store, rows,
			"SELECT d.tenant AS tenant, j.status AS status, count(*) AS count FROM jobs j"
			" JOIN devices d ON d.id = j.device WHERE j.status IN ('QUEUED', 'IN_PROGRESS')"
			" GROUP BY d.tenant, j.status",
			"");
	return store_select(store, rows,
		"SELECT d.tenant AS tenant, j.status AS status, count(*) AS count FROM jobs j JOIN devices d ON d.id = "
		"j.device"
		" WHERE d.tenant = ? AND (? = 0 OR j.status IN ('QUEUED', 'IN_PROGRESS')) GROUP BY d.tenant, j.status",
		"si", tenant, (int64_t)open);
}

int store_count_rollouts_json(struct store *store, const char *tenant, json_t **rows)
{
	return store_select(store, rows,
		"SELECT state, count(*) AS count FROM rollouts WHERE ? = '' OR tenant = ? GROUP BY state", "ss", tenant,
		tenant);
}

int store_history_put(struct store *store, const char *tenant, int64_t time, const char *value)
{
	return store_run(store,
		"INSERT INTO history (tenant, time, value) VALUES (?, ?, ?)"
		" ON CONFLICT (tenant, time) DO UPDATE SET value = excluded.value",
		"sis", tenant, time, value);
}

/* Of the rows before `before` only the first of each `step` stays. */
static int thin(struct store *store, int64_t before, int64_t step)
{
	return store_run(store,
		"DELETE FROM history WHERE time < ? AND EXISTS (SELECT 1 FROM history h WHERE h.tenant = history.tenant"
		" AND h.time < history.time AND h.time >= history.time - history.time % ?)",
		"ii", before, step);
}

int store_history_thin(struct store *store, int64_t now)
{
	if (thin(store, now - MINUTES_S, HOUR_S) < 0 || thin(store, now - HOURS_S, DAY_S) < 0)
		return -1;
	return store_run(store, "DELETE FROM history WHERE time < ?", "i", now - DAYS_S);
}

int store_history_json(struct store *store, const struct store_history_query *query, json_t **rows)
{
	return store_select(store, rows,
		"SELECT h.time AS time, h.value AS value_json FROM history h JOIN (SELECT max(time) AS last FROM "
		"history"
		" WHERE tenant = ? AND time >= ? AND time < ? GROUP BY (time - ?) / ?) AS buckets ON h.time = "
		"buckets.last"
		" WHERE h.tenant = ? ORDER BY h.time",
		"siiiis", query->tenant, query->from, query->to, query->from, query->step, query->tenant);
}
