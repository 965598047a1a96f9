/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/store_homeassistant.h"

#include "skerryd/store_priv.h"

int store_ha_device_json(struct store *store, const char *id, json_t **device)
{
	return store_select_one(store, device,
		"SELECT id, board, tenant, state, online AS online_bool, app, version, digest,"
		" json_extract(attributes, '$.channel') AS channel FROM devices WHERE id = ?",
		"s", id);
}

int store_ha_devices_json(struct store *store, const char *after, int64_t max, json_t **devices)
{
	return store_select(
		store, devices, "SELECT id FROM devices WHERE id > ? ORDER BY id LIMIT ?", "si", after, max);
}

int store_ha_images_json(struct store *store, const char *tenant, const char *app, json_t **images)
{
	return store_select(store, images,
		"SELECT digest, version, hex(vendor_id) AS vendorId, hex(class_id) AS classId FROM images i"
		" WHERE app = ? AND manifest IS NOT NULL AND payload_bytes IS NOT NULL"
		" AND (NOT EXISTS (SELECT 1 FROM image_tenants t WHERE t.digest = i.digest)"
		" OR EXISTS (SELECT 1 FROM image_tenants t WHERE t.digest = i.digest AND t.tenant = ?))"
		" ORDER BY added_at DESC, digest",
		"ss", app, tenant);
}

int store_ha_channel_json(struct store *store, const json_t *device, json_t **image)
{
	return store_select_one(store, image,
		"SELECT c.digest AS digest, i.version AS version FROM channels c JOIN images i ON i.digest = c.digest"
		" WHERE c.tenant = ? AND c.app = ? AND c.board = ? AND c.name = ?",
		"ssss", json_string_value(json_object_get(device, "tenant")),
		json_string_value(json_object_get(device, "app")), json_string_value(json_object_get(device, "board")),
		json_string_value(json_object_get(device, "channel")));
}
