/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_priv.h"

static int add_row(struct store *store, const char *digest, int64_t now)
{
	return store_run(
		store, "INSERT INTO images (digest, added_at) VALUES (?, ?) ON CONFLICT DO NOTHING", "si", digest, now);
}

static int is_without_manifest(struct store *store, const char *digest, bool *without)
{
	sqlite3_stmt *stmt;
	if (store_find(store, &stmt, "SELECT manifest IS NULL FROM images WHERE digest = ?", "s", digest) != 0)
		return -1;
	*without = sqlite3_column_int(stmt, 0) != 0;
	store_done(store, stmt);
	return 0;
}

int store_manifest_put(
	struct store *store, const char *digest, const struct store_manifest *manifest, int64_t now, bool *added)
{
	if (add_row(store, digest, now) < 0 || is_without_manifest(store, digest, added) < 0)
		return -1;
	if (!manifest->understood)
		return store_run(store,
			"UPDATE images SET manifest = ?, app = NULL, version = NULL, counter = NULL, image_bytes = "
			"NULL,"
			" vendor_id = NULL, class_id = NULL WHERE digest = ?",
			"bs", manifest->bytes, manifest->len, digest);
	return store_run(store,
		"UPDATE images SET manifest = ?, app = ?, version = ?, counter = ?, image_bytes = ?, vendor_id = ?,"
		" class_id = ? WHERE digest = ?",
		"bssiibbs", manifest->bytes, manifest->len, manifest->app, manifest->version, manifest->counter,
		manifest->image_bytes, manifest->vendor_id, sizeof manifest->vendor_id, manifest->class_id,
		sizeof manifest->class_id, digest);
}

int store_manifest_get(struct store *store, const char *digest, uint8_t **bytes, size_t *len, char *version)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT manifest, version FROM images WHERE digest = ? AND manifest IS NOT NULL", "s", digest);
	if (rc)
		return rc;
	*len = (size_t)sqlite3_column_bytes(stmt, 0);
	*bytes = malloc(*len + 1);
	if (*bytes && *len)
		memcpy(*bytes, sqlite3_column_blob(stmt, 0), *len);
	store_copy_text(stmt, 1, version, 32);
	store_done(store, stmt);
	return *bytes ? 0 : -1;
}

int store_payload_put(struct store *store, const char *digest, int64_t bytes, int64_t now)
{
	if (add_row(store, digest, now) < 0)
		return -1;
	return store_run(store, "UPDATE images SET payload_bytes = ? WHERE digest = ?", "is", bytes, digest);
}

int store_images_json(struct store *store, json_t **images)
{
	return store_select(store, images,
		"SELECT digest, app, version, counter, coalesce(payload_bytes, image_bytes) AS bytes, added_at AS "
		"addedAt,"
		" hex(vendor_id) AS vendorId, hex(class_id) AS classId FROM images ORDER BY added_at DESC, digest",
		"");
}
