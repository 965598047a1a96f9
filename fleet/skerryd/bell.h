/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doorbell: which devices are to be told, by notify-next, that their next job changed. It is rung at once, then after 2 s, 4 s … 5 minutes, until
 * the device asked for its job. In memory only: who has a queued job is in the database.
 */
#ifndef SKERRYD_BELL_H
#define SKERRYD_BELL_H

#include <stdint.h>

struct bell {
	struct bell *next;
	char device[65];
	int64_t due_ms, pause_ms;
};

struct bells {
	struct bell *first;
};

/* Ring for `device` from now on, at once and with short pauses again if it was on already. */
void bell_start(struct bells *bells, const char *device, int64_t now_ms);
/* The device asked. */
void bell_stop(struct bells *bells, const char *device);
/* A device whose bell is due, and its next time is set; NULL: none. Borrowed until the next call. */
const char *bell_due(struct bells *bells, int64_t now_ms);
void bell_free(struct bells *bells);

#endif
