/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/zone.h"

#include <stdlib.h>
#include <string.h>

#include "shared/file.h"

#define FOLDER     "/usr/share/zoneinfo/"
#define FILE_MAX   (256u << 10)
#define HEAD_BYTES 44
#define DAY        86400

/* ---- the calendar ---- */

/* Days since 1970-01-01 of a day in the proleptic Gregorian calendar; month 1..12. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	/* Years from March on, so that the leap day is the last. */
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + day_of_year - 719468;
}

static int64_t year_of(int64_t when)
{
	int64_t year = 1970 + when / (365 * DAY + DAY / 4);
	while (days_of(year, 1, 1) * DAY > when)
		year--;
	while (days_of(year + 1, 1, 1) * DAY <= when)
		year++;
	return year;
}

/* Local seconds since 1970 of the rule's moment in `year`. */
static int64_t rule_moment(const struct zone_rule *rule, int64_t year)
{
	int64_t first = days_of(year, rule->month, 1), weekday = (first + 4) % 7, length;
	int64_t day = (rule->weekday - (weekday + 7) % 7 + 7) % 7 + (rule->week - 1) * 7;
	length = days_of(rule->month == 12 ? year + 1 : year, rule->month == 12 ? 1 : rule->month + 1, 1) - first;
	while (day >= length)
		day -= 7;
	return (first + day) * DAY + rule->second;
}

/* ---- POSIX TZ: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool skip_abbreviation(const char **at)
{
	size_t len;
	if (**at == '<') {
		len = strcspn(*at, ">");
		*at += len;
		return *(*at)++ == '>' || (--*at, false);
	}
	len = strspn(*at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	*at += len;
	return len >= 3;
}

static bool read_digits(const char **at, int32_t max, int32_t *out)
{
	char *end;
	if (**at < '0' || **at > '9')
		return false;
	long value = strtol(*at, &end, 10);
	*at = end;
	*out = (int32_t)value;
	return value <= max;
}

/* [+-]H[:M[:S]] in seconds. */
static bool read_time(const char **at, int32_t hours_max, int32_t *out)
{
	int32_t hours, minutes = 0, seconds = 0, sign = **at == '-' ? -1 : 1;
	*at += **at == '-' || **at == '+';
	if (!read_digits(at, hours_max, &hours))
		return false;
	if (**at == ':' && (++*at, !read_digits(at, 59, &minutes)))
		return false;
	if (**at == ':' && (++*at, !read_digits(at, 59, &seconds)))
		return false;
	*out = sign * (hours * 3600 + minutes * 60 + seconds);
	return true;
}

/* ",Mm.w.d[/time]" */
static bool read_rule(const char **at, struct zone_rule *rule)
{
	if (strncmp(*at, ",M", 2) != 0)
		return false;
	*at += 2;
	if (!read_digits(at, 12, &rule->month) || rule->month < 1 || *(*at)++ != '.' ||
		!read_digits(at, 5, &rule->week) || rule->week < 1 || *(*at)++ != '.' ||
		!read_digits(at, 6, &rule->weekday))
		return false;
	rule->second = 2 * 3600;
	return **at != '/' || (++*at, read_time(at, 167, &rule->second));
}

/* False: of a form that is not known here; then the last listed change holds for ever. */
static bool read_posix(const char *text, struct zone *zone)
{
	int32_t west;
	if (!skip_abbreviation(&text) || !read_time(&text, 24, &west))
		return false;
	zone->standard_s = -west;
	if (!*text)
		return false; /* no summer time: the last change says the same */
	if (!skip_abbreviation(&text))
		return false;
	zone->summer_s = zone->standard_s + 3600;
	if (*text != ',') {
		if (!read_time(&text, 24, &west))
			return false;
		zone->summer_s = -west;
	}
	return read_rule(&text, &zone->to_summer) && read_rule(&text, &zone->to_standard) && !*text;
}

/* ---- zoneinfo files ---- */

static int64_t big_endian(const uint8_t *bytes, unsigned len)
{
	uint64_t value = bytes[0] & 0x80 ? UINT64_MAX : 0;
	for (unsigned i = 0; i < len; i++)
		value = value << 8 | bytes[i];
	return (int64_t)value;
}

struct counts {
	uint64_t utc, wall, leaps, changes, types, chars;
};

static bool read_head(const uint8_t *data, uint64_t len, struct counts *counts)
{
	uint64_t *const out[] = {
		&counts->utc, &counts->wall, &counts->leaps, &counts->changes, &counts->types, &counts->chars};
	if (len < HEAD_BYTES || memcmp(data, "TZif", 4) != 0)
		return false;
	for (unsigned i = 0; i < 6; i++) {
		*out[i] = (uint64_t)big_endian(data + 20 + 4 * i, 4);
		if (*out[i] > FILE_MAX)
			return false;
	}
	return counts->types > 0;
}

static uint64_t body_bytes(const struct counts *counts, unsigned time_bytes)
{
	return counts->changes * (time_bytes + 1) + counts->types * 6 + counts->chars +
	       counts->leaps * (time_bytes + 4) + counts->wall + counts->utc;
}

static bool read_changes(const uint8_t *body, const struct counts *counts, struct zone *zone)
{
	const uint8_t *types = body + counts->changes * 8, *infos = types + counts->changes;
	/* Old ones are of no interest: windows are in the future. */
	uint64_t from = counts->changes > ZONE_CHANGES_MAX ? counts->changes - ZONE_CHANGES_MAX : 0;
	zone->first_s = (int32_t)big_endian(infos, 4);
	for (uint64_t i = from; i < counts->changes; i++) {
		if (types[i] >= counts->types)
			return false;
		zone->changes[zone->change_count++] = (struct zone_change){
			.at = big_endian(body + 8 * i, 8), .offset_s = (int32_t)big_endian(infos + 6 * types[i], 4)};
	}
	return true;
}

bool zone_parse(const uint8_t *data, uint64_t len, struct zone *zone)
{
	struct counts counts;
	uint64_t at;
	char footer[128];
	memset(zone, 0, sizeof *zone);
	/* The first block has 32-bit times and is of no use to version 2 and later, which all files have been for long. */
	if (!read_head(data, len, &counts) || data[4] < '2')
		return false;
	at = HEAD_BYTES + body_bytes(&counts, 4);
	if (at > len || !read_head(data + at, len - at, &counts))
		return false;
	at += HEAD_BYTES;
	if (at + body_bytes(&counts, 8) > len || !read_changes(data + at, &counts, zone))
		return false;
	at += body_bytes(&counts, 8);
	uint64_t end = at + 1;
	while (end < len && data[end] != '\n')
		end++;
	if (at >= len || data[at] != '\n' || end >= len || end - at > sizeof footer)
		return false;
	memcpy(footer, data + at + 1, end - at - 1);
	footer[end - at - 1] = 0;
	zone->has_rule = read_posix(footer, zone);
	return true;
}

/* "+02:00" */
static bool read_fixed(const char *name, int32_t *offset_s)
{
	const char *at = name;
	if (strlen(name) != 6 || (*name != '+' && *name != '-') || name[3] != ':')
		return false;
	return read_time(&at, 23, offset_s) && !*at;
}

/* A name below the folder, and nothing that leads out of it. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len <= ZONE_NAME_MAX && *name != '/' && !strstr(name, "..") &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == len;
}

bool zone_load(const char *name, struct zone *zone)
{
	char path[sizeof FOLDER + ZONE_NAME_MAX];
	struct file_bytes bytes;
	struct fleet_error ignored;
	memset(zone, 0, sizeof *zone);
	if (strcmp(name, "UTC") == 0 || read_fixed(name, &zone->first_s))
		return true;
	if (!is_name(name))
		return false;
	memcpy(path, FOLDER, sizeof FOLDER);
	strcat(path, name);
	if (file_read(path, FILE_MAX, &bytes, &ignored) < 0)
		return false;
	bool good = zone_parse(bytes.data, bytes.len, zone);
	file_bytes_free(&bytes);
	return good;
}

/* ---- offsets ---- */

static int32_t rule_offset(const struct zone *zone, int64_t when, int64_t *since, int32_t *before)
{
	/* The last of the changes of this year and the one before that is not after `when`. */
	int64_t year = year_of(when);
	int32_t offset = zone->standard_s;
	*since = INT64_MIN;
	*before = zone->standard_s;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t summer = rule_moment(&zone->to_summer, y) - zone->standard_s,
			standard = rule_moment(&zone->to_standard, y) - zone->summer_s;
		if (summer <= when && summer > *since) {
			*since = summer;
			*before = zone->standard_s;
			offset = zone->summer_s;
		}
		if (standard <= when && standard > *since) {
			*since = standard;
			*before = zone->summer_s;
			offset = zone->standard_s;
		}
	}
	return offset;
}

int32_t zone_offset(const struct zone *zone, int64_t when, int64_t *since, int32_t *before)
{
	uint32_t low = 0, high = zone->change_count;
	if (zone->has_rule && (high == 0 || zone->changes[high - 1].at <= when)) {
		int32_t offset = rule_offset(zone, when, since, before);
		/* The rule's own first change may be before the list's last, which then says the same. */
		return offset;
	}
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (zone->changes[middle].at <= when)
			low = middle + 1;
		else
			high = middle;
	}
	*before = low > 1 ? zone->changes[low - 2].offset_s : zone->first_s;
	*since = low > 0 ? zone->changes[low - 1].at : INT64_MIN;
	return low > 0 ? zone->changes[low - 1].offset_s : zone->first_s;
}
