/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "skerryd/store_device.h"
#include "skerryd/store_priv.h"

#define DEVICE_COLUMNS                                                                                                 \
	DEVICE_SUMMARY ", json_extract(report, '$.heardS') AS heardS, report AS report_json FROM devices "

int store_device_put(struct store *store, const char *id, const char *board, int64_t now, bool *added)
{
	*added = false;
	if (store_run(store, "INSERT INTO devices (id, board, added_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", "ssi",
		    id, board, now) < 0)
		return -1;
	*added = store_has_changed(store);
	return *added ? 0 : store_run(store, "UPDATE devices SET board = ? WHERE id = ?", "ss", board, id);
}

int store_device_get(struct store *store, const char *id, struct store_device *device)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT online, boot, last_seen, digest, mode, state, tenant FROM devices WHERE id = ?", "s", id);
	if (rc)
		return rc;
	*device = (struct store_device){.online = sqlite3_column_int(stmt, 0) != 0,
		.boot = sqlite3_column_int64(stmt, 1),
		.last_seen = sqlite3_column_int64(stmt, 2)};
	store_copy_text(stmt, 3, device->digest, sizeof device->digest);
	store_copy_text(stmt, 4, device->mode, sizeof device->mode);
	store_copy_text(stmt, 5, device->state, sizeof device->state);
	store_copy_text(stmt, 6, device->tenant, sizeof device->tenant);
	store_done(store, stmt);
	return 0;
}

int store_device_tenant(struct store *store, const char *id, char tenant[33])
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, "SELECT tenant FROM devices WHERE id = ?", "s", id);
	if (rc)
		return rc;
	store_copy_text(stmt, 0, tenant, 33);
	store_done(store, stmt);
	return 0;
}

int store_device_json(struct store *store, const char *id, json_t **device)
{
	return store_select_one(store, device, DEVICE_COLUMNS "WHERE id = ?", "s", id);
}

int store_device_tenant_put(struct store *store, const char *id, const char *tenant)
{
	return store_run(store, "UPDATE devices SET tenant = ? WHERE id = ?", "ss", tenant, id);
}

int store_device_state_put(struct store *store, const char *id, const char *state)
{
	return store_run(store, "UPDATE devices SET state = ? WHERE id = ?", "ss", state, id);
}

int store_device_error_put(struct store *store, const char *id, const char *error)
{
	return store_run(store, "UPDATE devices SET last_error = ? WHERE id = ?", "ss", error, id);
}

int store_device_count(struct store *store, int64_t *count)
{
	sqlite3_stmt *stmt;
	if (store_find(store, &stmt, "SELECT coalesce(sum(count), 0) FROM facts", "") != 0)
		return -1;
	*count = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}

int store_boards_json(struct store *store, json_t **boards)
{
	return store_select(store, boards, "SELECT DISTINCT board FROM facts", "");
}

int store_device_seen(struct store *store, const char *id, int64_t now)
{
	if (store_run(store, "UPDATE devices SET last_seen = ? WHERE id = ? AND state = 'active'", "is", now, id) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

int store_device_malformed(struct store *store, const char *id)
{
	return store_run(store, "UPDATE devices SET malformed = malformed + 1 WHERE id = ?", "s", id);
}

int store_presence_put(struct store *store, const char *id, bool online, int64_t boot, int64_t round)
{
	return store_run(store, "UPDATE devices SET online = ?, boot = ?, round = ? WHERE id = ?", "iiis",
		(int64_t)online, boot, round, id);
}

int store_presence_stale(struct store *store, int64_t round, char id[65])
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT id FROM devices WHERE online = 1 AND id > ? AND round <> ? ORDER BY id LIMIT 1", "si", id,
		round);
	if (rc)
		return rc;
	store_copy_text(stmt, 0, id, 65);
	store_done(store, stmt);
	return 0;
}

int store_report_put(struct store *store, const char *id, const struct store_report *report, int64_t now)
{
	return store_run(store,
		"UPDATE devices SET version = ?, digest = ?, slot = ?, mode = ?, app = ?, health = ?, report = ?, "
		"report_at = ?,"
		" keyset = coalesce(nullif(?, 0), keyset), keyset_error = ?, serial = ?, mac = ? WHERE id = ?",
		"sssssssiissss", report->version, report->digest, report->slot, report->mode, report->app,
		report->health, report->json, now, report->keyset, report->keyset_error, report->serial, report->mac,
		id);
}

int store_attributes_get(struct store *store, const char *id, json_t **attributes)
{
	sqlite3_stmt *stmt;
	*attributes = NULL;
	int rc = store_find(store, &stmt, "SELECT attributes FROM devices WHERE id = ?", "s", id);
	if (rc)
		return rc;
	*attributes = json_loads((const char *)sqlite3_column_text(stmt, 0), 0, NULL);
	store_done(store, stmt);
	return json_is_object(*attributes) ? 0 : store_failed(store);
}

int store_attribute_get(struct store *store, const char *id, const char *name, char *out, size_t size)
{
	json_t *attributes;
	int rc = store_attributes_get(store, id, &attributes);
	const char *value = json_string_value(json_object_get(attributes, name));
	if (rc == 0 && value)
		snprintf(out, size, "%s", value);
	else if (rc == 0)
		rc = STORE_NONE;
	json_decref(attributes);
	return rc;
}

int store_attributes_put(struct store *store, const char *id, const json_t *attributes)
{
	/* The form that selectors search for: store_selector.c. */
	char *json = json_dumps(attributes, JSON_COMPACT | JSON_SORT_KEYS);
	int rc = json ? store_run(store, "UPDATE devices SET attributes = ? WHERE id = ?", "ss", json, id) : -1;
	free(json);
	return rc;
}
