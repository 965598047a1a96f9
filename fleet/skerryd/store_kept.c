/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/store_kept.h"

#include "skerryd/store_priv.h"

const char *const store_kept_names[STORE_KEPT_KINDS] = {"telemetry", "logs", "crashes"};

int store_kept_get(struct store *store, enum store_kept_what what, struct store_kept *kept)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, "SELECT count, bytes FROM kept WHERE what = ?", "s", store_kept_names[what]);
	if (rc)
		return rc;
	*kept = (struct store_kept){.rows = sqlite3_column_int64(stmt, 0), .bytes = sqlite3_column_int64(stmt, 1)};
	store_done(store, stmt);
	return 0;
}

int store_kept_drop(struct store *store, enum store_kept_what what, int64_t *dropped)
{
	/* Numbers go up: the smallest are the oldest. */
	static const char *const drop[STORE_KEPT_KINDS] = {
		"DELETE FROM telemetry WHERE n IN (SELECT n FROM telemetry ORDER BY n LIMIT ?)",
		"DELETE FROM logs WHERE n IN (SELECT n FROM logs ORDER BY n LIMIT ?)",
		"DELETE FROM crashes WHERE n IN (SELECT n FROM crashes ORDER BY n LIMIT ?)",
	};
	if (store_run(store, drop[what], "i", (int64_t)STORE_KEPT_PIECE) < 0)
		return -1;
	*dropped = sqlite3_changes(store->db);
	return 0;
}
