/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doorbell: which devices are to be told, by notify-next, that their next job changed. It is rung at once, then after 2 s, 4 s … 5 minutes, until
 * the device asked for its job. In memory only: who has a queued job is in the database. A heap by time and a table by name: what a call costs hardly
 * depends on how many ring.
 */
#ifndef SKERRYD_BELL_H
#define SKERRYD_BELL_H

#include <stddef.h>
#include <stdint.h>

struct bell {
	struct bell *next; /* of the same place in the table */
	size_t at;         /* in the heap */
	char device[65];
	int64_t due_ms, pause_ms;
};

/* Zeroed: none rings. */
struct bells {
	struct bell **heap, **table; /* the table has `room` places, the heap room for as many */
	size_t count, room;
};

/* Ring for `device` from now on, at once and with short pauses again if it was on already. */
void bell_start(struct bells *bells, const char *device, int64_t now_ms);
/* The device asked. */
void bell_stop(struct bells *bells, const char *device);
/* A device whose bell is due, and its next time is set; NULL: none. Borrowed until the next call. */
const char *bell_due(struct bells *bells, int64_t now_ms);
void bell_free(struct bells *bells);

#endif
