/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/bell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_FIRST_MS 2000
#define PAUSE_MAX_MS   300000

void bell_start(struct bells *bells, const char *device, int64_t now_ms)
{
	struct bell *bell = bells->first;
	while (bell && strcmp(bell->device, device) != 0)
		bell = bell->next;
	if (!bell) {
		bell = calloc(1, sizeof *bell);
		if (!bell)
			return; /* the device asks by itself, a few minutes later */
		snprintf(bell->device, sizeof bell->device, "%s", device);
		bell->next = bells->first;
		bells->first = bell;
	}
	bell->due_ms = now_ms;
	bell->pause_ms = PAUSE_FIRST_MS;
}

void bell_stop(struct bells *bells, const char *device)
{
	for (struct bell **at = &bells->first; *at; at = &(*at)->next) {
		if (strcmp((*at)->device, device) == 0) {
			struct bell *bell = *at;
			*at = bell->next;
			free(bell);
			return;
		}
	}
}

const char *bell_due(struct bells *bells, int64_t now_ms)
{
	for (struct bell *bell = bells->first; bell; bell = bell->next) {
		if (bell->due_ms <= now_ms) {
			bell->due_ms = now_ms + bell->pause_ms;
			bell->pause_ms = bell->pause_ms * 2 < PAUSE_MAX_MS ? bell->pause_ms * 2 : PAUSE_MAX_MS;
			return bell->device;
		}
	}
	return NULL;
}

void bell_free(struct bells *bells)
{
	while (bells->first)
		bell_stop(bells, bells->first->device);
}
