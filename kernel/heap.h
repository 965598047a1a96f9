/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap over one range of memory. Free blocks hang in lists by size class, and a bitmap says which lists hold any:
 * constant time, but for a search of one list when memory gets scarce. Every block has a sealed header, and its unused
 * tail a pattern, so that a double free, a wild free or an overrun is found at the next free or realloc beside it. The
 * caller serialises.
 */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_ALIGN     16
#define HEAP_CLASSES   128
#define HEAP_MAX_BYTES (2UL << 30)

struct heap_block;
struct heap {
	uintptr_t start, end;
	uint32_t secret;
	uint64_t filled[HEAP_CLASSES / 64]; /* bit = class has a free block */
	struct heap_block *free[HEAP_CLASSES];
	size_t used_bytes, peak_bytes; /* headers included */
};

/* The caller's mistakes that heap_free() and heap_resize() find. */
enum heap_error {
	HEAP_E_WILD = 1,    /* not the start of a block of this heap */
	HEAP_E_DOUBLE = 2,  /* already free */
	HEAP_E_OVERRUN = 3, /* written past its end, or the header before it is overwritten */
};

/* `bytes`, 16-byte aligned at both ends, 64..HEAP_MAX_BYTES. */
void heap_init(struct heap *heap, void *start, size_t bytes, uint32_t secret);

bool heap_owns(const struct heap *heap, const void *ptr);

/* `align`: a power of two. NULL when there is no room. */
void *heap_alloc(struct heap *heap, size_t align, size_t bytes);

/* 0 or -HEAP_E_*; then nothing was done. */
int heap_free(struct heap *heap, void *ptr);

/* Grow or shrink in place: 1 done, 0 not possible in place, or -HEAP_E_*. */
int heap_resize(struct heap *heap, void *ptr, size_t bytes);

/* Bytes that the caller asked for when `ptr` was made. */
size_t heap_size(const void *ptr);

#endif
