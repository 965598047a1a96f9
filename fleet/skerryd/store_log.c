/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines and events. AUTOINCREMENT: a number is never used again, also when old rows are gone. */
#include <stdio.h>

#include "skerryd/store_priv.h"

int store_log_add(struct store *store, const char *device, int64_t now, const char *text)
{
	return store_run(store, "INSERT INTO logs (device, time, text) VALUES (?, ?, ?)", "sis", device, now, text);
}

int store_log_mark_get(struct store *store, const char *device, int64_t *boot, int64_t *next)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, "SELECT log_boot, log_next FROM devices WHERE id = ?", "s", device);
	if (rc)
		return rc;
	*boot = sqlite3_column_int64(stmt, 0);
	*next = sqlite3_column_int64(stmt, 1);
	store_done(store, stmt);
	return 0;
}

int store_log_mark_put(struct store *store, const char *device, int64_t boot, int64_t next)
{
	return store_run(
		store, "UPDATE devices SET log_boot = ?, log_next = ? WHERE id = ?", "iis", boot, next, device);
}

int store_log_trim(struct store *store, const char *device)
{
	return store_run(store,
		"DELETE FROM logs WHERE device = ? AND n <="
		" (SELECT n FROM logs WHERE device = ? ORDER BY n DESC LIMIT 1 OFFSET ?)",
		"ssi", device, device, (int64_t)STORE_LOG_LINES_MAX);
}

int store_logs_json(struct store *store, const char *device, int64_t since, json_t **lines)
{
	return store_select(store, lines,
		"SELECT n, time, text FROM logs WHERE device = ? AND n > ? ORDER BY n LIMIT ?", "sii", device, since,
		(int64_t)STORE_ROWS_MAX);
}

static int last(struct store *store, const char *sql, const char *device, int64_t *n)
{
	sqlite3_stmt *stmt;
	if (store_find(store, &stmt, sql, device ? "s" : "", device) != 0)
		return -1;
	*n = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}

int store_log_last(struct store *store, const char *device, int64_t *n)
{
	return last(store, "SELECT max(n) FROM logs WHERE device = ?", device, n);
}

int store_event_add(struct store *store, const struct store_event *event, int64_t now)
{
	if (store_run(store,
		    "INSERT INTO events (time, kind, device, job, text, details, rollout, tenant)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?, coalesce(?, (SELECT tenant FROM devices WHERE id = ?)))",
		    "issssssss", now, event->kind, event->device, event->job, event->text, event->details,
		    event->rollout, event->tenant, event->device) < 0)
		return -1;
	return store_run(
		store, "DELETE FROM events WHERE n <= (SELECT max(n) FROM events) - ?", "i", (int64_t)STORE_EVENTS_MAX);
}

int store_event_last(struct store *store, int64_t *n)
{
	return last(store, "SELECT max(n) FROM events", NULL, n);
}

int store_events_json(struct store *store, const struct store_event_query *query, json_t **events)
{
	const char *device = query->device ? query->device : "", *tenant = query->tenant ? query->tenant : "",
		   *rollout = query->rollout ? query->rollout : "";
	/* Each its own text: a condition "?1 = '' OR device = ?1" would keep SQLite from its indexes. */
	char sql[400];
	snprintf(sql, sizeof sql,
		"SELECT * FROM (SELECT n, time, kind, device, job, text, rollout, tenant, details AS details_json"
		" FROM events WHERE n > ? %s %s %s ORDER BY n %s LIMIT ?) ORDER BY n",
		*device ? "AND device = ?" : "AND ? = ''", *tenant ? "AND tenant = ?" : "AND ? = ''",
		*rollout ? "AND rollout = ?" : "AND ? = ''", query->newest ? "DESC" : "");
	return store_select(store, events, sql, "isssi", query->since, device, tenant, rollout, query->limit);
}

/* {name: n} of rows {name, n}. */
static int counts(struct store *store, const char *sql, const char *tenant, json_t **object)
{
	json_t *rows, *row;
	size_t index;
	*object = NULL;
	if (store_select(store, &rows, sql, "ss", tenant, tenant) < 0)
		return -1;
	*object = json_object();
	json_array_foreach(rows, index, row)
	{
		json_object_set(*object, json_string_value(json_object_get(row, "name")), json_object_get(row, "n"));
	}
	json_decref(rows);
	return 0;
}

int store_fleet_json(struct store *store, const char *tenant, json_t **fleet)
{
#define FLEET_OF "FROM facts WHERE (? = '' OR tenant = ?) AND state <> 'retired' "
	json_t *versions, *health;
	int rc = store_select_one(store, fleet,
		"SELECT coalesce(sum(count), 0) AS devices, coalesce(sum(count * online), 0) AS online " FLEET_OF, "ss",
		tenant, tenant);
	if (rc)
		return rc;
	rc = counts(store,
		"SELECT version AS name, sum(count) AS n " FLEET_OF
		"AND version <> '' GROUP BY version ORDER BY 2 DESC, 1 LIMIT 100",
		tenant, &versions);
	if (rc == 0) {
		json_object_set_new(*fleet, "versions", versions);
		rc = counts(store,
			"SELECT health AS name, sum(count) AS n " FLEET_OF
			"AND health <> '' GROUP BY health ORDER BY 1",
			tenant, &health);
	}
	if (rc == 0) {
		json_object_set_new(*fleet, "health", health);
		return 0;
	}
	json_decref(*fleet);
	return rc;
}
