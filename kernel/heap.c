/* SPDX-License-Identifier: Apache-2.0 */
#include "heap.h"

#include <assert.h>
#include <string.h>

#define UNIT            HEAP_ALIGN
#define LINEAR_UNITS    32 /* classes 0..31: exactly that many units; above: four classes per power of two */
#define BLOCK_MIN_UNITS 2
#define STATE_FREE      0xf4eeU
#define STATE_USED      0x05edU
#define STATE_END       0xe4d0U
#define TAIL_BYTE       0xa5

/* A block: this header, then the payload. `units` and `prev_units` count 16 bytes, header included. */
struct heap_block {
	uint32_t units, prev_units;
	uint16_t state, slack; /* slack: payload bytes beyond what was asked for */
	uint32_t seal;
	struct heap_block *next, *prev; /* in the payload, of a free block only */
};
#define HEADER_BYTES offsetof(struct heap_block, next)
_Static_assert(HEADER_BYTES == UNIT, "one unit");

static uint32_t seal_of(const struct heap *heap, const struct heap_block *block)
{
	uint64_t mix = (uintptr_t)block / UNIT ^ heap->secret;

	mix = (mix ^ block->units) * 0x9e3779b97f4a7c15ULL;
	mix = (mix ^ block->prev_units ^ (uint64_t)block->state << 32 ^ (uint64_t)block->slack << 48) *
	      0xbf58476d1ce4e5b9ULL;
	return (uint32_t)(mix >> 32);
}

static struct heap_block *block_after(struct heap_block *block)
{
	return (struct heap_block *)((uintptr_t)block + (uintptr_t)block->units * UNIT);
}

static struct heap_block *block_before(struct heap_block *block)
{
	return (struct heap_block *)((uintptr_t)block - (uintptr_t)block->prev_units * UNIT);
}

static uint8_t *payload(struct heap_block *block)
{
	return (uint8_t *)block + HEADER_BYTES;
}

static struct heap_block *block_of(const void *ptr)
{
	return (struct heap_block *)((uintptr_t)ptr - HEADER_BYTES);
}

static void block_write(struct heap *heap, struct heap_block *block, uint32_t units, uint16_t state)
{
	block->units = units;
	block->state = state;
	block->slack = 0;
	block->seal = seal_of(heap, block);
}

static void prev_write(struct heap *heap, struct heap_block *block, uint32_t prev_units)
{
	block->prev_units = prev_units;
	block->seal = seal_of(heap, block);
}

/* The class that a block of `units` is kept in. */
static unsigned int class_of(uint32_t units)
{
	unsigned int log2;

	if (units < LINEAR_UNITS)
		return units;
	log2 = 31U - (unsigned int)__builtin_clz(units);
	return LINEAR_UNITS + (log2 - 5) * 4 + (units >> (log2 - 2) & 3);
}

/* The first class of which every block holds `units`. */
static unsigned int class_for(uint32_t units)
{
	unsigned int log2;

	if (units < LINEAR_UNITS)
		return units;
	log2 = 31U - (unsigned int)__builtin_clz(units);
	return class_of(units + (1U << (log2 - 2)) - 1);
}

static void list_add(struct heap *heap, struct heap_block *block)
{
	unsigned int class = class_of(block->units);

	block->prev = NULL;
	block->next = heap->free[class];
	if (block->next)
		block->next->prev = block;
	heap->free[class] = block;
	heap->filled[class / 64] |= 1ULL << class % 64;
}

static void list_remove(struct heap *heap, struct heap_block *block)
{
	unsigned int class = class_of(block->units);

	if (block->next)
		block->next->prev = block->prev;
	if (block->prev)
		block->prev->next = block->next;
	else
		heap->free[class] = block->next;
	if (!heap->free[class])
		heap->filled[class / 64] &= ~(1ULL << class % 64);
}

/* A block from the lists whose every block is large enough, smallest class first. */
static struct heap_block *list_first(struct heap *heap, unsigned int class)
{
	uint64_t bits = heap->filled[class / 64] >> class % 64 << class % 64;

	for (unsigned int word = class / 64;;) {
		if (bits)
			return heap->free[word * 64 + (unsigned int)__builtin_ctzll(bits)];
		if (++word == HEAP_CLASSES / 64)
			return NULL;
		bits = heap->filled[word];
	}
}

static struct heap_block *list_find(struct heap *heap, uint32_t units)
{
	struct heap_block *block = list_first(heap, class_for(units));

	if (block)
		return block;
	/* The heap is nearly full: in the class of that size some may be large enough, others not. */
	for (block = heap->free[class_of(units)]; block && block->units < units; block = block->next)
		continue;
	return block;
}

void heap_init(struct heap *heap, void *start, size_t bytes, uint32_t secret)
{
	struct heap_block *first = start, *end;
	uint32_t units = (uint32_t)(bytes / UNIT) - 1;

	assert((uintptr_t)start % UNIT == 0 && bytes % UNIT == 0 && bytes >= 64 && bytes <= HEAP_MAX_BYTES);
	*heap = (struct heap){.start = (uintptr_t)start, .end = (uintptr_t)start + bytes, .secret = secret};
	first->prev_units = 0;
	block_write(heap, first, units, STATE_FREE);
	end = block_after(first);
	end->prev_units = units;
	block_write(heap, end, 1, STATE_END);
	list_add(heap, first);
}

bool heap_owns(const struct heap *heap, const void *ptr)
{
	return (uintptr_t)ptr >= heap->start && (uintptr_t)ptr < heap->end;
}

/* Cut `block` (in no list) to `units`, and give back the rest if it is worth a block. */
static void block_trim(struct heap *heap, struct heap_block *block, uint32_t units, uint16_t state)
{
	uint32_t rest = block->units - units;
	struct heap_block *after = block_after(block), *remainder;

	if (rest < BLOCK_MIN_UNITS) {
		block_write(heap, block, block->units, state);
		return;
	}
	block_write(heap, block, units, state);
	remainder = block_after(block);
	remainder->prev_units = units;
	if (after->state == STATE_FREE) {
		list_remove(heap, after);
		rest += after->units;
	}
	block_write(heap, remainder, rest, STATE_FREE);
	prev_write(heap, block_after(remainder), rest);
	list_add(heap, remainder);
}

/* Split off the front so that the payload of the rest is aligned; returns that rest. */
static struct heap_block *block_align(struct heap *heap, struct heap_block *block, size_t align)
{
	uintptr_t at = ((uintptr_t)payload(block) + align - 1) & ~(uintptr_t)(align - 1);
	uint32_t front = (uint32_t)((at - (uintptr_t)payload(block)) / UNIT), units = block->units;
	struct heap_block *aligned;

	if (front == 0)
		return block;
	if (front < BLOCK_MIN_UNITS)
		front += (uint32_t)(align / UNIT);
	block_write(heap, block, front, STATE_FREE);
	list_add(heap, block);
	aligned = block_after(block);
	aligned->prev_units = front;
	block_write(heap, aligned, units - front, STATE_USED);
	prev_write(heap, block_after(aligned), aligned->units);
	return aligned;
}

static void tail_mark(struct heap *heap, struct heap_block *block, size_t bytes)
{
	size_t room = (size_t)block->units * UNIT - HEADER_BYTES;

	block->slack = (uint16_t)(room - bytes);
	block->seal = seal_of(heap, block);
	memset(payload(block) + bytes, TAIL_BYTE, room - bytes);
}

static bool tail_intact(struct heap_block *block)
{
	const uint8_t *end = (uint8_t *)block + (size_t)block->units * UNIT;

	for (const uint8_t *byte = end - block->slack; byte < end; byte++)
		if (*byte != TAIL_BYTE)
			return false;
	return true;
}

static uint32_t units_for(size_t bytes)
{
	uint32_t units = (uint32_t)((bytes + HEADER_BYTES + UNIT - 1) / UNIT);

	return units < BLOCK_MIN_UNITS ? BLOCK_MIN_UNITS : units;
}

static void used_add(struct heap *heap, size_t bytes)
{
	heap->used_bytes += bytes;
	if (heap->used_bytes > heap->peak_bytes)
		heap->peak_bytes = heap->used_bytes;
}

void *heap_alloc(struct heap *heap, size_t align, size_t bytes)
{
	size_t spare = align > UNIT ? align + BLOCK_MIN_UNITS * UNIT : 0;
	struct heap_block *block;

	assert(align && !(align & (align - 1)));
	if (bytes > heap->end - heap->start || spare > heap->end - heap->start)
		return NULL;
	block = list_find(heap, units_for(bytes) + (uint32_t)(spare / UNIT));
	if (!block)
		return NULL;
	list_remove(heap, block);
	if (spare)
		block = block_align(heap, block, align);
	block_trim(heap, block, units_for(bytes), STATE_USED);
	tail_mark(heap, block, bytes);
	used_add(heap, (size_t)block->units * UNIT);
	return payload(block);
}

static bool block_sealed(const struct heap *heap, const struct heap_block *block)
{
	return heap_owns(heap, block) && block->seal == seal_of(heap, block);
}

static int block_check(const struct heap *heap, struct heap_block *block)
{
	if ((uintptr_t)block % UNIT || !heap_owns(heap, block))
		return -HEAP_E_WILD;
	if (!block_sealed(heap, block))
		return block->state == STATE_USED ? -HEAP_E_OVERRUN : -HEAP_E_WILD;
	if (block->state != STATE_USED)
		return -HEAP_E_DOUBLE;
	if (!tail_intact(block) || !block_sealed(heap, block_after(block)))
		return -HEAP_E_OVERRUN;
	if (block->prev_units && !block_sealed(heap, block_before(block)))
		return -HEAP_E_OVERRUN;
	return 0;
}

int heap_free(struct heap *heap, void *ptr)
{
	struct heap_block *block = block_of(ptr), *after, *before;
	int rc = block_check(heap, block);
	uint32_t units;

	if (rc)
		return rc;
	units = block->units;
	heap->used_bytes -= (size_t)units * UNIT;
	after = block_after(block);
	if (after->state == STATE_FREE) {
		list_remove(heap, after);
		units += after->units;
	}
	before = block_before(block);
	if (block->prev_units && before->state == STATE_FREE) {
		list_remove(heap, before);
		units += before->units;
		/* A later free of the same pointer meets a header that still says so. */
		block_write(heap, block, block->units, STATE_FREE);
		block = before;
	}
	block_write(heap, block, units, STATE_FREE);
	prev_write(heap, block_after(block), units);
	list_add(heap, block);
	return 0;
}

int heap_resize(struct heap *heap, void *ptr, size_t bytes)
{
	struct heap_block *block = block_of(ptr), *after;
	int rc = block_check(heap, block);
	uint32_t units = block->units, wanted;

	if (rc)
		return rc;
	if (bytes > heap->end - heap->start)
		return 0;
	wanted = units_for(bytes);
	after = block_after(block);
	if (wanted > units) {
		if (after->state != STATE_FREE || after->units + units < wanted)
			return 0;
		list_remove(heap, after);
		block_write(heap, block, units + after->units, STATE_USED);
		prev_write(heap, block_after(block), block->units);
	}
	block_trim(heap, block, wanted, STATE_USED);
	tail_mark(heap, block, bytes);
	heap->used_bytes -= (size_t)units * UNIT;
	used_add(heap, (size_t)block->units * UNIT);
	return 1;
}

size_t heap_size(const void *ptr)
{
	const struct heap_block *block = block_of(ptr);

	return (size_t)block->units * UNIT - HEADER_BYTES - block->slack;
}
