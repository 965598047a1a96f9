/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/store_priv.h"

int store_enrolment_add(struct store *store, const struct store_enrolment *enrolment, const uint8_t hash[32])
{
	return store_run(store,
		"INSERT INTO enrolments (id, tenant, hash, board, pattern, attributes, uses_left, added_at, expires_at)"
		" VALUES (?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?)",
		"ssbsssiii", enrolment->id, enrolment->tenant, hash, (size_t)32, enrolment->board, enrolment->pattern,
		enrolment->attributes, enrolment->uses_left, enrolment->added_at, enrolment->expires_at);
}

int store_enrolment_find(struct store *store, const uint8_t hash[32], struct store_enrolment *enrolment)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT id, tenant, board, pattern, attributes, uses_left, added_at, expires_at FROM enrolments WHERE "
		"hash = ?",
		"b", hash, (size_t)32);
	if (rc)
		return rc;
	store_copy_text(stmt, 0, enrolment->id, sizeof enrolment->id);
	store_copy_text(stmt, 1, enrolment->tenant, sizeof enrolment->tenant);
	store_copy_text(stmt, 2, enrolment->board, sizeof enrolment->board);
	store_copy_text(stmt, 3, enrolment->pattern, sizeof enrolment->pattern);
	store_copy_text(stmt, 4, enrolment->attributes, sizeof enrolment->attributes);
	enrolment->uses_left = sqlite3_column_int64(stmt, 5);
	enrolment->added_at = sqlite3_column_int64(stmt, 6);
	enrolment->expires_at = sqlite3_column_int64(stmt, 7);
	store_done(store, stmt);
	return 0;
}

int store_enrolment_use(struct store *store, const char *id)
{
	if (store_run(store,
		    "UPDATE enrolments SET uses_left = uses_left - 1, uses = uses + 1 WHERE id = ? AND uses_left > 0",
		    "s", id) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

int store_enrolments_json(struct store *store, const char *tenant, json_t **enrolments)
{
	return store_select(store, enrolments,
		"SELECT id, tenant, board, pattern, attributes AS attributes_json, uses, uses_left AS usesLeft,"
		" added_at AS addedAt, expires_at AS expiresAt FROM enrolments WHERE ? = '' OR tenant = ?"
		" ORDER BY added_at DESC, id LIMIT ?",
		"ssi", tenant, tenant, (int64_t)STORE_ROWS_MAX);
}

int store_enrolment_remove(struct store *store, const char *tenant, const char *id)
{
	if (store_run(store, "DELETE FROM enrolments WHERE id = ? AND (? = '' OR tenant = ?)", "sss", id, tenant,
		    tenant) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}
