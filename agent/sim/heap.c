/* SPDX-License-Identifier: Apache-2.0 */
#include "heap.h"

#include <stdlib.h>

int sim_heap_init(struct sim_heap *heap, uint32_t count)
{
	heap->order = calloc(count, sizeof(*heap->order));
	heap->place = calloc(count, sizeof(*heap->place));
	heap->due = calloc(count, sizeof(*heap->due));
	heap->count = count;
	if (!heap->order || !heap->place || !heap->due)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		heap->order[i] = heap->place[i] = i;
	return 0;
}

void sim_heap_free(struct sim_heap *heap)
{
	free(heap->order);
	free(heap->place);
	free(heap->due);
}

uint32_t sim_heap_first(const struct sim_heap *heap)
{
	return heap->order[0];
}

static void put(struct sim_heap *heap, uint32_t place, uint32_t who)
{
	heap->order[place] = who;
	heap->place[who] = place;
}

static uint32_t up(struct sim_heap *heap, uint32_t at, uint64_t due)
{
	for (; at > 0 && heap->due[heap->order[(at - 1) / 2]] > due; at = (at - 1) / 2)
		put(heap, at, heap->order[(at - 1) / 2]);
	return at;
}

static uint32_t down(struct sim_heap *heap, uint32_t at, uint64_t due)
{
	for (uint32_t child; (child = 2 * at + 1) < heap->count; at = child) {
		if (child + 1 < heap->count && heap->due[heap->order[child + 1]] < heap->due[heap->order[child]])
			child++;
		if (heap->due[heap->order[child]] >= due)
			break;
		put(heap, at, heap->order[child]);
	}
	return at;
}

void sim_heap_set(struct sim_heap *heap, uint32_t who, uint64_t due)
{
	heap->due[who] = due;
	put(heap, down(heap, up(heap, heap->place[who], due), due), who);
}
