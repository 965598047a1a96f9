/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/limit.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static size_t find(struct limit *limit, const char *name, int64_t now_ms)
{
	size_t oldest = 0;
	for (size_t i = 0; i < LIMIT_NAMES; i++) {
		if (strcmp(limit->entries[i].name, name) == 0)
			return i;
		if (limit->entries[i].at_ms < limit->entries[oldest].at_ms)
			oldest = i;
	}
	snprintf(limit->entries[oldest].name, sizeof limit->entries[oldest].name, "%s", name);
	limit->entries[oldest].fill_milli = limit->burst * 1000;
	limit->entries[oldest].at_ms = now_ms;
	return oldest;
}

unsigned limit_take(struct limit *limit, const char *name, int64_t now_ms)
{
	size_t at = find(limit, name, now_ms);
	uint64_t passed_ms = (uint64_t)(now_ms - limit->entries[at].at_ms), full = limit->burst * 1000;
	uint64_t missing = full - limit->entries[at].fill_milli;
	/* By division: a long pause times the rate would not fit. */
	uint64_t fill =
		passed_ms > missing / limit->rate ? full : limit->entries[at].fill_milli + passed_ms * limit->rate;
	limit->entries[at].at_ms = now_ms;
	limit->entries[at].fill_milli = fill;
	if (fill >= 1000) {
		limit->entries[at].fill_milli = fill - 1000;
		return 0;
	}
	return (unsigned)((1000 - fill + limit->rate * 1000 - 1) / (limit->rate * 1000));
}
