/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maintenance window: "MINUTE HOUR DAY MONTH WEEKDAY[/LENGTH]", cron(5)'s fields for the minutes at which it opens, then for how many minutes it is
 * open (1 without). Pure.
 *
 * The first four fields take `*`, numbers, ranges, lists and steps; WEEKDAY the same without steps, since the slash begins the length; 0 and 7 are
 * Sunday. When both DAY and WEEKDAY are given, either is enough, as in cron.
 */
#ifndef SKERRYD_WINDOW_H
#define SKERRYD_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "skerryd/zone.h"

#define WINDOW_TEXT_MAX   95
#define WINDOW_LENGTH_MAX (7 * 24 * 60) /* minutes */
#define WINDOW_NEVER      INT64_MAX

struct window {
	char text[WINDOW_TEXT_MAX + 1];
	uint64_t minutes;
	uint32_t hours, days, months;
	uint8_t weekdays;
	bool any_day, any_weekday; /* the field begins with `*` */
	uint32_t length;           /* minutes */
};

/* False: the text is no window. */
bool window_parse(const char *text, struct window *window);
/* Open at every moment. */
bool window_is_always(const struct window *window);
/*
 * When it is open next, unix seconds: `now` when it is. WINDOW_NEVER: not within four years ("0 0 30 2 *"). A local time that the clocks jump over
 * opens it when they have jumped; one that comes twice opens it the first time only.
 */
int64_t window_next(const struct window *window, const struct zone *zone, int64_t now);

#endif
