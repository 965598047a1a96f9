/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones, from the server's zoneinfo files (RFC 9636), without touching the process's own zone. What is supported: IANA names ("Europe/Berlin"),
 * "UTC", and fixed offsets "+HH:MM" and "-HH:MM".
 */
#ifndef SKERRYD_ZONE_H
#define SKERRYD_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#define ZONE_NAME_MAX    64
#define ZONE_CHANGES_MAX 1024

/* A change of the offset: from `at` (unix seconds) on, local time is UTC + offset_s. */
struct zone_change {
	int64_t at;
	int32_t offset_s;
};

/* The yearly rule after the last listed change, of a POSIX TZ string: month, week (5: the last), weekday, and local second of the day. */
struct zone_rule {
	int32_t month, week, weekday, second;
};

struct zone {
	int32_t first_s; /* the offset before the first change */
	uint32_t change_count;
	struct zone_change changes[ZONE_CHANGES_MAX];
	bool has_rule;
	int32_t standard_s, summer_s;
	struct zone_rule to_summer, to_standard;
};

/* False: no such zone, or a file that is none. */
bool zone_load(const char *name, struct zone *zone);
/* The same from the bytes of a zoneinfo file. */
bool zone_parse(const uint8_t *data, uint64_t len, struct zone *zone);
/* What is to be added to UTC at `when`; *since: when that began, *before: what it was before that. */
int32_t zone_offset(const struct zone *zone, int64_t when, int64_t *since, int32_t *before);

#endif
