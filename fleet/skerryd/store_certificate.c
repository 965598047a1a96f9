/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "skerryd/store_priv.h"

static int holder_find(struct store *store, const char *sql, const char *value, struct store_holder *holder)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, sql, "s", value);
	if (rc)
		return rc;
	store_copy_text(stmt, 0, holder->device, sizeof holder->device);
	store_copy_text(stmt, 1, holder->state, sizeof holder->state);
	store_copy_text(stmt, 2, holder->tenant, sizeof holder->tenant);
	store_done(store, stmt);
	return 0;
}

int store_holder_by_key(struct store *store, const char *key_digest, struct store_holder *holder)
{
	return holder_find(store, "SELECT id, state, tenant FROM devices WHERE key_digest = ?", key_digest, holder);
}

int store_holder_get(struct store *store, const char *device, struct store_holder *holder)
{
	return holder_find(store, "SELECT id, state, tenant FROM devices WHERE id = ?", device, holder);
}

int store_holder_put(
	struct store *store, const struct store_holder *holder, const char *key_digest, const char *attributes)
{
	if (store_run(store, "UPDATE devices SET key_digest = ?, tenant = ?, state = ? WHERE id = ?", "ssss",
		    key_digest, holder->tenant, holder->state, holder->device) < 0)
		return -1;
	json_t *object = *attributes ? json_loads(attributes, 0, NULL) : NULL;
	int rc = object ? store_attributes_put(store, holder->device, object) : 0;
	json_decref(object);
	return rc;
}

int store_revoked_json(struct store *store, json_t **devices)
{
	return store_select(store, devices, "SELECT id FROM devices WHERE state = 'revoked' ORDER BY id", "");
}

int store_certificate_add(
	struct store *store, const char *device, const struct store_certificate *certificate, int64_t now)
{
	if (store_run(store,
		    "INSERT INTO certificates (serial, device, added_at, expires_at, bytes) VALUES (?, ?, ?, ?, ?)",
		    "ssiib", certificate->serial, device, now, certificate->expires_at, certificate->bytes,
		    certificate->len) < 0)
		return -1;
	return store_run(store, "UPDATE devices SET cert_serial = ?, cert_expires = ? WHERE id = ?", "sis",
		certificate->serial, certificate->expires_at, device);
}

int store_certificate_newest(struct store *store, const char *device, struct store_certificate *certificate)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT serial, expires_at, bytes FROM certificates WHERE device = ? ORDER BY expires_at DESC LIMIT 1",
		"s", device);
	if (rc)
		return rc;
	store_copy_text(stmt, 0, certificate->serial, sizeof certificate->serial);
	certificate->expires_at = sqlite3_column_int64(stmt, 1);
	certificate->len = (size_t)sqlite3_column_bytes(stmt, 2);
	if (certificate->len > sizeof certificate->bytes)
		certificate->len = 0;
	if (certificate->len)
		memcpy(certificate->bytes, sqlite3_column_blob(stmt, 2), certificate->len);
	store_done(store, stmt);
	return certificate->len ? 0 : STORE_NONE;
}
