/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance windows of devices, each in its own time zone. */
#include <string.h>

#include "skerryd/rollouts_priv.h"

static int64_t both_next(const struct rollout_description *description, const struct zone *zone, int64_t now)
{
	int64_t at = now;
	for (int turn = 0; turn < 1000; turn++) {
		int64_t download = window_next(&description->download, zone, at),
			flash = download == WINDOW_NEVER ? WINDOW_NEVER
							 : window_next(&description->flash, zone, download);
		if (flash == download)
			return flash;
		at = flash;
	}
	return WINDOW_NEVER;
}

/* 0; STORE_NONE: its time zone is not known; -1. */
static int zone_of(struct skerryd *server, const char *device, struct zone *zone)
{
	char name[ZONE_NAME_MAX + 2];
	if (store_device_attribute(server->store, device, "timezone", name, sizeof name) != 0)
		return -1;
	return zone_load(*name ? name : "UTC", zone) ? 0 : STORE_NONE;
}

static int64_t in_ms(const struct skerryd *server, int64_t at)
{
	if (at == WINDOW_NEVER)
		return ROLLOUT_NEVER;
	return at > server->now_ms / 1000 ? at * 1000 : server->now_ms;
}

int rollout_window_next(struct skerryd *server, const struct open_rollout *r, const char *device, int64_t *at_ms)
{
	const struct rollout_description *description = r->description;
	int64_t now = server->now_ms / 1000;
	struct zone zone;
	bool holds;
	*at_ms = server->now_ms;
	if (window_is_always(&description->download) && window_is_always(&description->flash))
		return 0;
	int rc = zone_of(server, device, &zone);
	if (rc)
		return rc;
	if (store_device_holds(server->store, device, &holds) != 0)
		return -1;
	*at_ms = in_ms(
		server, holds ? window_next(&description->download, &zone, now) : both_next(description, &zone, now));
	return 0;
}

int rollout_window_flash(struct skerryd *server, const struct open_rollout *r, const char *device, int64_t *at_ms)
{
	struct zone zone;
	int rc = zone_of(server, device, &zone);
	*at_ms = ROLLOUT_NEVER;
	if (rc == 0)
		*at_ms = in_ms(server, window_next(&r->description->flash, &zone, server->now_ms / 1000));
	return rc;
}
