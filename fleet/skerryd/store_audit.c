/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log. Nothing here changes or removes a row. */
#include <string.h>

#include "shared/chain.h"
#include "skerryd/store_priv.h"

/* Number and hash of the last row; 0 and zeros when there is none. */
static int read_last(struct store *store, int64_t *number, uint8_t hash[CHAIN_HASH_BYTES])
{
	sqlite3_stmt *stmt;
	*number = 0;
	memset(hash, 0, CHAIN_HASH_BYTES);
	int rc = store_find(store, &stmt, "SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1", "");
	if (rc)
		return rc < 0 ? -1 : 0;
	*number = sqlite3_column_int64(stmt, 0);
	if (sqlite3_column_bytes(stmt, 1) == CHAIN_HASH_BYTES)
		memcpy(hash, sqlite3_column_blob(stmt, 1), CHAIN_HASH_BYTES);
	store_done(store, stmt);
	return 0;
}

int store_audit_add(struct store *store, const struct store_audit *audit, int64_t now)
{
	uint8_t before[CHAIN_HASH_BYTES], hash[CHAIN_HASH_BYTES];
	struct chain_entry entry = {.time = now,
		.tenant = audit->tenant,
		.actor = audit->actor,
		.action = audit->action,
		.object = audit->object,
		.details = audit->details};
	if (read_last(store, &entry.number, before) < 0)
		return -1;
	entry.number++;
	chain_hash(before, &entry, hash);
	return store_run(store,
		"INSERT INTO audit (n, time, tenant, actor, action, object, details, hash)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		"iisssssb", entry.number, now, entry.tenant, entry.actor, entry.action, entry.object, entry.details,
		hash, sizeof hash);
}

int store_audit_json(struct store *store, const char *tenant, int64_t since, json_t **rows)
{
	return store_select(store, rows,
		"SELECT n, time, tenant, actor, action, object, details AS details_json, lower(hex(hash)) AS hash FROM "
		"audit"
		" WHERE n > ? AND (? = '' OR tenant = ?) ORDER BY n LIMIT ?",
		"issi", since, tenant, tenant, (int64_t)STORE_ROWS_MAX);
}
