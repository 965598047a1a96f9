/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_priv.h"

int store_keyset_add(struct store *store, const struct store_keyset *keyset, int64_t now)
{
	if (store_run(store,
		    "INSERT INTO keysets (version, issued_at, added_at, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO "
		    "NOTHING",
		    "iiib", keyset->version, keyset->issued_at, now, keyset->bytes, keyset->len) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

int store_keyset_get(struct store *store, int64_t version, struct store_keyset *keyset, uint8_t **bytes)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, "SELECT issued_at, bytes FROM keysets WHERE version = ?", "i", version);
	if (rc)
		return rc;
	*keyset = (struct store_keyset){.version = version,
		.issued_at = sqlite3_column_int64(stmt, 0),
		.len = (size_t)sqlite3_column_bytes(stmt, 1)};
	*bytes = malloc(keyset->len + 1);
	if (*bytes && keyset->len)
		memcpy(*bytes, sqlite3_column_blob(stmt, 1), keyset->len);
	keyset->bytes = *bytes;
	store_done(store, stmt);
	return *bytes ? 0 : -1;
}

int store_keyset_newest(struct store *store, int64_t *version)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, "SELECT version FROM keysets ORDER BY version DESC LIMIT 1", "");
	if (rc)
		return rc;
	*version = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}

int store_keysets_json(struct store *store, json_t **keysets)
{
	return store_select(store, keysets,
		"SELECT version, issued_at AS issuedAt, added_at AS addedAt FROM keysets ORDER BY version DESC LIMIT ?",
		"i", (int64_t)STORE_ROWS_MAX);
}

int store_device_keyset(struct store *store, const char *id, int64_t version)
{
	return store_run(store, "UPDATE devices SET keyset = ? WHERE id = ?", "is", version, id);
}

int store_devices_online(struct store *store, json_t **devices)
{
	return store_select(store, devices, "SELECT id FROM devices WHERE online = 1", "");
}

int store_sequence_raise(struct store *store, int64_t floor)
{
	if (store_run(store, "UPDATE assigned SET sequence = max(sequence, ?)", "i", floor) < 0)
		return -1;
	return store_run(store, "UPDATE devices SET assigned_sequence = 0 WHERE assigned_sequence <> 0", "");
}

static int next_sequence(struct store *store, const char *device, const char *digest, int64_t *sequence)
{
	sqlite3_stmt *stmt;
	if (store_run(store, "UPDATE assigned SET sequence = sequence + 1", "") < 0 ||
		store_find(store, &stmt, "SELECT sequence FROM assigned", "") != 0)
		return -1;
	*sequence = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return store_run(store, "UPDATE devices SET assigned_sequence = ?, assigned_digest = ? WHERE id = ?", "iss",
		*sequence, digest, device);
}

int store_sequence_get(struct store *store, const char *device, const char *digest, int64_t *sequence)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT assigned_sequence FROM devices WHERE id = ? AND assigned_sequence > 0 AND assigned_digest = ?",
		"ss", device, digest);
	if (rc < 0)
		return -1;
	if (rc == STORE_NONE)
		return next_sequence(store, device, digest, sequence);
	*sequence = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}
