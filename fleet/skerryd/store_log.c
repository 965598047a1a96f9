/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines and events. AUTOINCREMENT: a number is never used again, also when old rows are gone. */
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

int store_event_add(struct store *store, const struct store_event *event, int64_t now)
{
	if (store_run(store, "INSERT INTO events (time, kind, device, job, text, details, rollout) VALUES (?, ?, ?, ?, ?, ?, ?)",
		    "issssss", now, event->kind, event->device, event->job, event->text, event->details, event->rollout) < 0)
		return -1;
	return store_run(
		store, "DELETE FROM events WHERE n <= (SELECT max(n) FROM events) - ?", "i", (int64_t)STORE_EVENTS_MAX);
}

int store_events_json(struct store *store, const char *device, int64_t since, json_t **events)
{
	int64_t max = STORE_ROWS_MAX;
#define EVENT_COLUMNS "SELECT n, time, kind, device, job, text, details AS details_json, rollout FROM events "
	if (device)
		return store_select(store, events, EVENT_COLUMNS "WHERE device = ? AND n > ? ORDER BY n LIMIT ?", "sii",
			device, since, max);
	return store_select(store, events, EVENT_COLUMNS "WHERE n > ? ORDER BY n LIMIT ?", "ii", since, max);
}
