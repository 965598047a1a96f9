/* SPDX-License-Identifier: Apache-2.0 */
#include "extent.h"

#include <string.h>

static bool insert_at(struct extent_list *list, size_t index, uint64_t start, uint64_t end)
{
	if (list->count == EXTENTS_MAX)
		return false;
	memmove(&list->extents[index + 1], &list->extents[index], (list->count - index) * sizeof(struct extent));
	list->extents[index] = (struct extent){start, end};
	list->count++;
	return true;
}

static void remove_at(struct extent_list *list, size_t index)
{
	list->count--;
	memmove(&list->extents[index], &list->extents[index + 1], (list->count - index) * sizeof(struct extent));
}

bool extent_add(struct extent_list *list, uint64_t start, uint64_t end)
{
	size_t i = 0;

	if (start >= end)
		return true;
	while (i < list->count && list->extents[i].end < start)
		i++;
	if (i == list->count || end < list->extents[i].start)
		return insert_at(list, i, start, end);
	if (list->extents[i].end == start) {
		list->extents[i].end = end;
		if (i + 1 < list->count && list->extents[i + 1].start == end) {
			list->extents[i].end = list->extents[i + 1].end;
			remove_at(list, i + 1);
		}
	} else {
		list->extents[i].start = start;
	}
	return true;
}

bool extent_remove(struct extent_list *list, uint64_t start, uint64_t end)
{
	size_t i = 0;

	while (i < list->count) {
		struct extent *extent = &list->extents[i];

		if (extent->end <= start || extent->start >= end) {
			i++;
		} else if (start <= extent->start && end >= extent->end) {
			remove_at(list, i);
		} else if (start > extent->start && end < extent->end) {
			if (!insert_at(list, i + 1, end, extent->end))
				return false;
			extent->end = start;
			return true;
		} else if (start <= extent->start) {
			extent->start = end;
		} else {
			extent->end = start;
		}
	}
	return true;
}

uint64_t extent_take(struct extent_list *list, uint64_t bytes)
{
	for (size_t i = 0; i < list->count; i++) {
		struct extent *extent = &list->extents[i];
		uint64_t start = extent->start;

		if (extent->end - start < bytes)
			continue;
		extent->start += bytes;
		if (extent->start == extent->end)
			remove_at(list, i);
		return start;
	}
	return 0;
}

uint64_t extent_total(const struct extent_list *list)
{
	uint64_t total = 0;

	for (size_t i = 0; i < list->count; i++)
		total += list->extents[i].end - list->extents[i].start;
	return total;
}
