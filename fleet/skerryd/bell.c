/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/bell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_FIRST_MS 2000
#define PAUSE_MAX_MS   300000
#define ROOM_FIRST     64

/* ---- by name ---- */

static struct bell **place_of(const struct bells *bells, const char *device)
{
	uint32_t hash = 2166136261u;
	for (const char *c = device; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	return &bells->table[hash & (bells->room - 1)];
}

/* Where it is linked from; what is there is NULL if there is none. The table is not empty. */
static struct bell **find(const struct bells *bells, const char *device)
{
	struct bell **at = place_of(bells, device);
	while (*at && strcmp((*at)->device, device) != 0)
		at = &(*at)->next;
	return at;
}

/* ---- by time ---- */

static void put(struct bells *bells, size_t at, struct bell *bell)
{
	bells->heap[at] = bell;
	bell->at = at;
}

/* To where it belongs, from where it is. */
static void settle(struct bells *bells, struct bell *bell)
{
	size_t at = bell->at, child;
	for (; at > 0 && bells->heap[(at - 1) / 2]->due_ms > bell->due_ms; at = (at - 1) / 2)
		put(bells, at, bells->heap[(at - 1) / 2]);
	for (; (child = 2 * at + 1) < bells->count; at = child) {
		if (child + 1 < bells->count && bells->heap[child + 1]->due_ms < bells->heap[child]->due_ms)
			child++;
		if (bells->heap[child]->due_ms >= bell->due_ms)
			break;
		put(bells, at, bells->heap[child]);
	}
	put(bells, at, bell);
}

/* ---- room ---- */

/* For one more. 0 or -1. */
static int grow(struct bells *bells)
{
	if (bells->count < bells->room)
		return 0;
	size_t room = bells->room ? 2 * bells->room : ROOM_FIRST;
	struct bell **table = calloc(room, sizeof *table);
	struct bell **heap = table ? realloc(bells->heap, room * sizeof *heap) : NULL;
	if (!heap) {
		free(table);
		return -1;
	}
	free(bells->table);
	*bells = (struct bells){.heap = heap, .table = table, .count = bells->count, .room = room};
	for (size_t i = 0; i < bells->count; i++) {
		struct bell **place = place_of(bells, heap[i]->device);
		heap[i]->next = *place;
		*place = heap[i];
	}
	return 0;
}

static struct bell *add(struct bells *bells, const char *device)
{
	struct bell *bell = grow(bells) == 0 ? calloc(1, sizeof *bell) : NULL;
	if (!bell)
		return NULL;
	snprintf(bell->device, sizeof bell->device, "%s", device);
	struct bell **place = place_of(bells, device);
	bell->next = *place;
	*place = bell;
	put(bells, bells->count++, bell);
	return bell;
}

/* ---- */

void bell_start(struct bells *bells, const char *device, int64_t now_ms)
{
	struct bell *bell = bells->room ? *find(bells, device) : NULL;
	if (!bell)
		bell = add(bells, device);
	if (!bell)
		return; /* no memory: the device asks by itself, a few minutes later */
	bell->due_ms = now_ms;
	bell->pause_ms = PAUSE_FIRST_MS;
	settle(bells, bell);
}

void bell_stop(struct bells *bells, const char *device)
{
	struct bell **link = bells->room ? find(bells, device) : NULL, *bell = link ? *link : NULL;
	if (!bell)
		return;
	*link = bell->next;
	struct bell *last = bells->heap[--bells->count];
	if (last != bell) {
		put(bells, bell->at, last);
		settle(bells, last);
	}
	free(bell);
}

const char *bell_due(struct bells *bells, int64_t now_ms)
{
	struct bell *bell = bells->count ? bells->heap[0] : NULL;
	if (!bell || bell->due_ms > now_ms)
		return NULL;
	bell->due_ms = now_ms + bell->pause_ms;
	bell->pause_ms = bell->pause_ms * 2 < PAUSE_MAX_MS ? bell->pause_ms * 2 : PAUSE_MAX_MS;
	settle(bells, bell);
	return bell->device;
}

void bell_free(struct bells *bells)
{
	for (size_t i = 0; i < bells->count; i++)
		free(bells->heap[i]);
	free(bells->heap);
	free(bells->table);
	*bells = (struct bells){0};
}
