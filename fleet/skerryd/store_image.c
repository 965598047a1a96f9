/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
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

int store_images_json(struct store *store, const char *tenant, json_t **images)
{
	return store_select(store, images,
		"SELECT digest, app, version, counter, coalesce(payload_bytes, image_bytes) AS bytes, added_at AS "
		"addedAt,"
		" hex(vendor_id) AS vendorId, hex(class_id) AS classId FROM images i WHERE EXISTS"
		" (SELECT 1 FROM image_tenants t WHERE t.digest = i.digest AND (? = '' OR t.tenant = ?))"
		" ORDER BY added_at DESC, i.rowid DESC",
		"ss", tenant, tenant);
}

int store_image_share(struct store *store, const char *tenant, const char *digest)
{
	return store_run(store, "INSERT INTO image_tenants (tenant, digest) VALUES (?, ?) ON CONFLICT DO NOTHING", "ss",
		tenant, digest);
}

static void copy_id(sqlite3_stmt *stmt, int column, uint8_t id[16])
{
	if (sqlite3_column_bytes(stmt, column) == 16)
		memcpy(id, sqlite3_column_blob(stmt, column), 16);
}

int store_image_get(struct store *store, const char *tenant, const char *digest, struct store_image *image)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT app, version, vendor_id, class_id FROM images WHERE digest = ? AND EXISTS"
		" (SELECT 1 FROM image_tenants t WHERE t.digest = images.digest AND (? = '' OR t.tenant = ?))",
		"sss", digest, tenant, tenant);
	if (rc)
		return rc;
	*image = (struct store_image){0};
	store_copy_text(stmt, 0, image->app, sizeof image->app);
	store_copy_text(stmt, 1, image->version, sizeof image->version);
	copy_id(stmt, 2, image->vendor_id);
	copy_id(stmt, 3, image->class_id);
	store_done(store, stmt);
	return 0;
}

int store_image_use(struct store *store, const char *tenant, const char *digest, char why[80])
{
	static const struct {
		const char *sql, *why;
	} uses[] = {
		{"SELECT 1 FROM channels WHERE digest = ? AND (? = '' OR tenant = ?) LIMIT 1", "a channel names it"},
		{"SELECT 1 FROM rollouts WHERE digest = ? AND (? = '' OR tenant = ?)"
		 " AND state NOT IN ('complete', 'aborted', 'reverted') LIMIT 1",
			"a rollout that is not over brings it to devices"},
		{"SELECT 1 FROM jobs j JOIN devices d ON d.id = j.device WHERE j.digest = ? AND (? = '' OR d.tenant = "
		 "?)"
		 " AND j.status IN ('QUEUED', 'IN_PROGRESS') LIMIT 1",
			"a job that is not over brings it to a device"},
		{"SELECT 1 FROM devices WHERE digest = ? AND (? = '' OR tenant = ?) AND state <> 'retired' LIMIT 1",
			"a device runs it"},
	};
	sqlite3_stmt *stmt;
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
		int rc = store_find(store, &stmt, uses[i].sql, "sss", digest, tenant, tenant);
		if (rc == 0) {
			store_done(store, stmt);
			snprintf(why, 80, "%s", uses[i].why);
		}
		if (rc != STORE_NONE)
			return rc;
	}
	return STORE_NONE;
}

static int is_shared(struct store *store, const char *digest, bool *shared)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, "SELECT 1 FROM image_tenants WHERE digest = ? LIMIT 1", "s", digest);
	*shared = rc == 0;
	if (rc == 0)
		store_done(store, stmt);
	return rc < 0 ? -1 : 0;
}

int store_image_remove(struct store *store, const char *tenant, const char *digest, bool *gone)
{
	bool shared;
	*gone = false;
	if (store_run(store, "DELETE FROM image_tenants WHERE digest = ? AND (? = '' OR tenant = ?)", "sss", digest,
		    tenant, tenant) < 0)
		return -1;
	if (!store_has_changed(store))
		return STORE_NONE;
	if (is_shared(store, digest, &shared) < 0)
		return -1;
	if (shared)
		return 0;
	*gone = true;
	/* Rollouts that are over go on naming it. */
	if (store_run(store, "UPDATE images SET manifest = NULL, payload_bytes = NULL WHERE digest = ?", "s", digest) <
		0)
		return -1;
	return store_run(store,
		"DELETE FROM images WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM rollouts WHERE rollouts.digest = "
		"images.digest)",
		"s", digest);
}
