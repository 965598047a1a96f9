/* SPDX-License-Identifier: Apache-2.0 */
/* Crash records. A device sends one until it is acknowledged: the same id is the same crash. */
#include "skerryd/store_priv.h"

#define CRASH_COLUMNS                                                                                                  \
	"SELECT id, device, time, cause, image, version, thread, build_id AS buildId, nullif(boots, 0) AS boots"

static int trim(struct store *store, const char *device)
{
	return store_run(store,
		"DELETE FROM crashes WHERE device = ? AND n <="
		" (SELECT n FROM crashes WHERE device = ? ORDER BY n DESC LIMIT 1 OFFSET ?)",
		"ssi", device, device, (int64_t)STORE_CRASHES_MAX);
}

int store_crash_add(struct store *store, const char *device, const struct store_crash *crash, int64_t now, bool *added)
{
	*added = false;
	if (store_run(store,
		    "INSERT INTO crashes (device, id, time, cause, image, version, thread, build_id, boots, record)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		    "ssisssssis", device, crash->id, now, crash->cause, crash->image, crash->version, crash->thread,
		    crash->build_id, crash->boots, crash->json) < 0)
		return -1;
	*added = store_has_changed(store);
	return *added ? trim(store, device) : 0;
}

int store_crashes_json(struct store *store, const char *device, json_t **crashes)
{
	int64_t max = STORE_ROWS_MAX;
	if (device)
		return store_select(store, crashes,
			CRASH_COLUMNS " FROM crashes WHERE device = ? ORDER BY n DESC LIMIT ?", "si", device, max);
	return store_select(store, crashes, CRASH_COLUMNS " FROM crashes ORDER BY n DESC LIMIT ?", "i", max);
}

int store_crashes_of_tenant_json(struct store *store, const char *tenant, json_t **crashes)
{
	return store_select(store, crashes,
		CRASH_COLUMNS
		" FROM crashes WHERE (SELECT tenant FROM devices d WHERE d.id = device) = ? ORDER BY n DESC LIMIT ?",
		"si", tenant, (int64_t)STORE_ROWS_MAX);
}

int store_crash_json(struct store *store, const char *device, const char *id, json_t **crash)
{
	return store_select_one(store, crash,
		CRASH_COLUMNS ", record AS record_json FROM crashes WHERE device = ? AND id = ?", "ss", device, id);
}
