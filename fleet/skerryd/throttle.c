/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/throttle.h"

#include <stdio.h>
#include <string.h>

#define PER_SECOND 4

bool throttle_pass(struct throttle *throttle, char kind, const char *name, int64_t now_ms)
{
	char key[sizeof throttle->entries[0].name];
	size_t oldest = 0;
	snprintf(key, sizeof key, "%c %s", kind, name);
	for (size_t i = 0; i < THROTTLE_NAMES; i++) {
		if (throttle->entries[i].until_ms > now_ms && strcmp(throttle->entries[i].name, key) == 0)
			return false;
		if (throttle->entries[i].until_ms < throttle->entries[oldest].until_ms)
			oldest = i;
	}
	if (now_ms - throttle->window_ms >= 1000) {
		throttle->window_ms = now_ms;
		throttle->in_window = 0;
	}
	if (throttle->in_window == PER_SECOND)
		return false;
	throttle->in_window++;
	memcpy(throttle->entries[oldest].name, key, sizeof key);
	throttle->entries[oldest].until_ms = now_ms + THROTTLE_PAUSE_MS;
	return true;
}
