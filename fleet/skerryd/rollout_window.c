/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance windows of devices, each in its own time zone. */
#include <string.h>

#include "skerryd/rollouts_priv.h"

/* The agent cannot put off its reset, so a try begins only when both are open. */
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

int rollout_window_next(struct skerryd *server, const struct open_rollout *r, const char *device, int64_t *at_ms)
{
	const struct rollout_description *description = r->description;
	char name[ZONE_NAME_MAX + 2];
	struct zone zone;
	*at_ms = server->now_ms;
	if (window_is_always(&description->download) && window_is_always(&description->flash))
		return 0;
	if (store_device_attribute(server->store, device, "timezone", name, sizeof name) != 0)
		return -1;
	if (!zone_load(*name ? name : "UTC", &zone))
		return STORE_NONE;
	int64_t now = server->now_ms / 1000, at = both_next(description, &zone, now);
	if (at > now)
		*at_ms = at == WINDOW_NEVER ? ROLLOUT_NEVER : at * 1000;
	return 0;
}
