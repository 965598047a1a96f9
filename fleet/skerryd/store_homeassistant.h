/* SPDX-License-Identifier: Apache-2.0 */
/* What Home Assistant is told about a device. As store.h. */
#ifndef SKERRYD_STORE_HOMEASSISTANT_H
#define SKERRYD_STORE_HOMEASSISTANT_H

#include "skerryd/store.h"

/* {"id", "board", "tenant", "state", "online", "app"?, "version"?, "digest"?, "channel"?}; the channel is the attribute of this name. */
int store_ha_device_json(struct store *store, const char *id, json_t **device) STORE_CHECK;
/* Rows {"id"}: the next devices after `after`, at most `max`. */
int store_ha_devices_json(struct store *store, const char *after, int64_t max, json_t **devices) STORE_CHECK;
/* Complete images of an app that the tenant sees: rows {"digest", "version", "vendorId", "classId"}, the newest first. */
int store_ha_images_json(struct store *store, const char *tenant, const char *app, json_t **images) STORE_CHECK;
/* {"digest", "version"} of what `device` (as above) has as its channel. STORE_NONE: no such channel. */
int store_ha_channel_json(struct store *store, const json_t *device, json_t **image) STORE_CHECK;

#endif
