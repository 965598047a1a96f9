/* SPDX-License-Identifier: Apache-2.0 */
/* The names are a table of their own: how many there are, and the newest value of each, must not cost a look at all values. */
#include "skerryd/store_telemetry.h"

#include "skerryd/store_priv.h"

#define EXPIRE_PIECE 1000 /* rows looked at in one go */

/* 0: the name is there, or may come. */
static int check_name(struct store *store, const struct store_telemetry *telemetry)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT 1 WHERE EXISTS (SELECT 1 FROM telemetry_names WHERE device = ? AND name = ?)"
		" OR (SELECT count(*) FROM telemetry_names WHERE device = ?) < ?",
		"sssi", telemetry->device, telemetry->name, telemetry->device, (int64_t)STORE_TELEMETRY_NAMES_MAX);
	if (rc == 0)
		store_done(store, stmt);
	return rc;
}

int store_telemetry_add(struct store *store, const struct store_telemetry *telemetry, int64_t now)
{
	const char *device = telemetry->device, *name = telemetry->name;
	int rc = check_name(store, telemetry);
	if (rc)
		return rc;
	if (store_run(store,
		    "INSERT INTO telemetry_names (device, name, time, value) VALUES (?, ?, ?, ?)"
		    " ON CONFLICT (device, name) DO UPDATE SET time = excluded.time, value = excluded.value",
		    "ssis", device, name, now, telemetry->value) < 0 ||
		store_run(store, "INSERT INTO telemetry (device, name, time, value) VALUES (?, ?, ?, ?)", "ssis",
			device, name, now, telemetry->value) < 0)
		return -1;
	return store_run(store,
		"DELETE FROM telemetry WHERE device = ? AND name = ? AND n <="
		" (SELECT n FROM telemetry WHERE device = ? AND name = ? ORDER BY n DESC LIMIT 1 OFFSET ?)",
		"ssssi", device, name, device, name, (int64_t)STORE_TELEMETRY_MAX);
}

int store_telemetry_expire(struct store *store, int64_t now, bool *more)
{
	int64_t before = now - STORE_TELEMETRY_AGE_S;
	/* The oldest are those with the smallest numbers: no index over all times is needed. */
	if (store_run(store,
		    "DELETE FROM telemetry WHERE n <= (SELECT max(n) FROM (SELECT n FROM telemetry ORDER BY n LIMIT ?))"
		    " AND time < ?",
		    "ii", (int64_t)EXPIRE_PIECE, before) < 0)
		return -1;
	*more = sqlite3_changes(store->db) == EXPIRE_PIECE;
	return store_run(store, "DELETE FROM telemetry_names WHERE time < ?", "i", before);
}

int store_telemetry_json(struct store *store, const struct store_telemetry_query *query, json_t **rows)
{
	const char *device = query->device, *name = query->name;
#define COLUMNS "SELECT n, name, time, value AS value_json FROM telemetry "
	if (query->since >= 0 && name)
		return store_select(store, rows, COLUMNS "WHERE device = ? AND name = ? AND n > ? ORDER BY n LIMIT ?",
			"ssii", device, name, query->since, query->limit);
	if (query->since >= 0)
		return store_select(store, rows, COLUMNS "WHERE device = ? AND n > ? ORDER BY n LIMIT ?", "sii", device,
			query->since, query->limit);
	if (name)
		return store_select(store, rows,
			"SELECT * FROM (" COLUMNS "WHERE device = ? AND name = ? ORDER BY n DESC LIMIT ?) AS newest"
			" ORDER BY n",
			"ssi", device, name, query->limit);
	return store_select(store, rows,
		"SELECT * FROM (" COLUMNS "WHERE device = ? ORDER BY n DESC LIMIT ?) AS newest ORDER BY n", "si",
		device, query->limit);
}

int store_telemetry_names_json(struct store *store, const char *device, json_t **names)
{
	return store_select(store, names,
		"SELECT name, time, value AS value_json FROM telemetry_names WHERE device = ? ORDER BY name", "s",
		device);
}
