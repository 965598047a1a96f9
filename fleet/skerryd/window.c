/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY        86400
#define DAYS_AHEAD (4 * 366) /* a 29th of February is among them */

/* ---- parsing ---- */

static bool read_number(const char **at, uint32_t min, uint32_t max, uint32_t *out)
{
	char *end;
	if (**at < '0' || **at > '9')
		return false;
	unsigned long value = strtoul(*at, &end, 10);
	bool good = end - *at <= 5 && value >= min && value <= max;
	*at = end;
	*out = (uint32_t)value;
	return good;
}

/* One of a list: `*`, N, N-M, and with `steps` each of the ranges with "/N". */
static bool read_item(const char **at, uint32_t min, uint32_t max, bool steps, uint64_t *bits)
{
	uint32_t from = min, to = max, step = 1;
	bool range = true;
	if (**at == '*') {
		++*at;
	} else {
		if (!read_number(at, min, max, &from))
			return false;
		to = from;
		range = **at == '-';
		if (range && (++*at, !read_number(at, from, max, &to)))
			return false;
	}
	if (steps && **at == '/' && (!range || (++*at, !read_number(at, 1, max, &step))))
		return false;
	for (uint32_t i = from; i <= to; i += step)
		*bits |= (uint64_t)1 << i;
	return true;
}

static bool read_field(const char **at, uint32_t min, uint32_t max, bool steps, uint64_t *bits)
{
	*bits = 0;
	*at += strspn(*at, " ");
	for (;;) {
		if (!read_item(at, min, max, steps, bits))
			return false;
		if (**at != ',')
			return **at == ' ' || **at == 0 || (!steps && **at == '/');
		++*at;
	}
}

bool window_parse(const char *text, struct window *window)
{
	uint64_t hours, days, months, weekdays;
	const char *at = text;
	memset(window, 0, sizeof *window);
	if (strlen(text) > WINDOW_TEXT_MAX)
		return false;
	memcpy(window->text, text, strlen(text) + 1);
	window->length = 1;
	if (!read_field(&at, 0, 59, true, &window->minutes) || !read_field(&at, 0, 23, true, &hours))
		return false;
	at += strspn(at, " ");
	window->any_day = *at == '*';
	if (!read_field(&at, 1, 31, true, &days) || !read_field(&at, 1, 12, true, &months))
		return false;
	at += strspn(at, " ");
	window->any_weekday = *at == '*';
	if (!read_field(&at, 0, 7, false, &weekdays))
		return false;
	if (*at == '/' && (++at, !read_number(&at, 1, WINDOW_LENGTH_MAX, &window->length)))
		return false;
	window->hours = (uint32_t)hours;
	window->days = (uint32_t)days;
	window->months = (uint32_t)months;
	window->weekdays = (uint8_t)((weekdays | weekdays >> 7) & 0x7f);
	return *at == 0;
}

bool window_is_always(const struct window *window)
{
	return window->minutes == ((uint64_t)1 << 60) - 1 && window->hours == (1u << 24) - 1 &&
	       window->months == 0x1ffe && window->any_day && window->days == 0xfffffffe && window->any_weekday &&
	       window->weekdays == 0x7f;
}

/* ---- time ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* Month (1..12) and day of the month of the day `days` since 1970-01-01. */
static void civil(int64_t days, uint32_t *month, uint32_t *day)
{
	int64_t z = days + 719468, era = floor_div(z, 146097), in_era = z - era * 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t day_of_year = in_era - (365 * year + year / 4 - year / 100), m = (5 * day_of_year + 2) / 153;
	*day = (uint32_t)(day_of_year - (153 * m + 2) / 5 + 1);
	*month = (uint32_t)(m < 10 ? m + 3 : m - 9);
}

static bool day_matches(const struct window *window, int64_t days)
{
	uint32_t month, day;
	civil(days, &month, &day);
	bool by_day = (window->days >> day & 1) != 0, by_weekday = (window->weekdays >> ((days % 7 + 11) % 7) & 1) != 0;
	if (!(window->months >> month & 1))
		return false;
	if (window->any_day || window->any_weekday)
		return by_day && by_weekday;
	return by_day || by_weekday;
}

static bool local_matches(const struct window *window, int64_t local)
{
	int64_t days = floor_div(local, DAY), second = local - days * DAY;
	return day_matches(window, days) && (window->hours >> (second / 3600) & 1) &&
	       (window->minutes >> (second / 60 % 60) & 1);
}

/* Does it open in the minute that begins at `when`? */
static bool opens_at(const struct window *window, const struct zone *zone, int64_t when)
{
	int64_t since;
	int32_t before, offset = zone_offset(zone, when, &since, &before);
	int64_t local = when + offset;
	/* The hour that comes twice counts once. */
	if (before > offset && since > when - (before - offset))
		return false;
	if (local_matches(window, local))
		return true;
	/* What was jumped over opens it now. */
	if (since == INT64_MIN || since <= when - 60 || before >= offset)
		return false;
	for (int64_t skipped = since + before; skipped < since + offset; skipped += 60)
		if (local_matches(window, skipped))
			return true;
	return false;
}

static bool is_open(const struct window *window, const struct zone *zone, int64_t now)
{
	int64_t minute = floor_div(now, 60) * 60;
	for (uint32_t i = 0; i < window->length; i++)
		if (opens_at(window, zone, minute - 60 * (int64_t)i))
			return true;
	return false;
}

/* No minute of the 24 hours from `when` on has a local day that matches, nor is near a change. */
static bool can_skip_day(const struct window *window, const struct zone *zone, int64_t when)
{
	int64_t since_from, since_to;
	int32_t before;
	int64_t from = when + zone_offset(zone, when, &since_from, &before),
		to = when + DAY + zone_offset(zone, when + DAY, &since_to, &before);
	return since_from == since_to && !day_matches(window, floor_div(from, DAY)) &&
	       !day_matches(window, floor_div(to, DAY));
}

int64_t window_next(const struct window *window, const struct zone *zone, int64_t now)
{
	if (window_is_always(window) || is_open(window, zone, now))
		return now;
	int64_t when = floor_div(now, 60) * 60 + 60, end = now + (int64_t)DAYS_AHEAD * DAY;
	while (when < end) {
		if (can_skip_day(window, zone, when))
			when += DAY;
		else if (opens_at(window, zone, when))
			return when;
		else
			when += 60;
	}
	return WINDOW_NEVER;
}
