/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/tally.h"

#include <stdint.h>
#include <stdlib.h>

void tally_add(json_t *tally, const char *name, json_int_t count)
{
	json_int_t before = json_integer_value(json_object_get(tally, name));
	json_object_set_new(tally, name, json_integer(before + count));
}

void tally_merge(json_t *tally, const json_t *more)
{
	const char *name;
	json_t *count;
	json_object_foreach((json_t *)(uintptr_t)more, name, count)
	{
		tally_add(tally, name, json_integer_value(count));
	}
}

static int by_count_down(const void *a, const void *b)
{
	json_int_t one = *(const json_int_t *)a, two = *(const json_int_t *)b;
	return (one < two) - (one > two);
}

/* The `max`-th largest count, or 0: all have room. */
static json_int_t smallest_kept(const json_t *tally, size_t max)
{
	size_t size = json_object_size(tally), i = 0;
	json_int_t *counts = size > max ? malloc(size * sizeof *counts) : NULL;
	const char *name;
	json_t *count;
	if (!counts)
		return 0;
	json_object_foreach((json_t *)(uintptr_t)tally, name, count) counts[i++] = json_integer_value(count);
	qsort(counts, size, sizeof *counts, by_count_down);
	json_int_t smallest = counts[max - 1];
	free(counts);
	return smallest;
}

void tally_cap(json_t *tally, size_t max)
{
	json_int_t smallest = smallest_kept(tally, max), other = 0;
	size_t above = 0;
	const char *name;
	json_t *count;
	void *next;
	if (!smallest)
		return;
	json_object_foreach(tally, name, count) above += json_integer_value(count) > smallest;
	/* Of those that count just as much, the first ones. */
	size_t ties = max - above;
	json_object_foreach_safe(tally, next, name, count)
	{
		json_int_t n = json_integer_value(count);
		if (n > smallest || (n == smallest && ties > 0 && ties--))
			continue;
		other += n;
		json_object_del(tally, name);
	}
	tally_add(tally, TALLY_OTHER, other);
}
