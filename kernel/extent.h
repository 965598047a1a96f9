/* SPDX-License-Identifier: Apache-2.0 */
/* Free memory as a sorted list of address ranges; its size does not depend on how much memory there is. No locking. */
#ifndef KERNEL_EXTENT_H
#define KERNEL_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTENTS_MAX 32

struct extent {
	uint64_t start, end; /* [start, end), in bytes */
};

/* Zero-initialised = empty. Neighbours never touch. */
struct extent_list {
	struct extent extents[EXTENTS_MAX];
	size_t count;
};

/* Add a range that is not in the list. False when the list is full: the range is lost. */
bool extent_add(struct extent_list *list, uint64_t start, uint64_t end);

/* Take a range out, wherever it overlaps. False when the list is full and a range would have to be split. */
bool extent_remove(struct extent_list *list, uint64_t start, uint64_t end);

/* Take `bytes` from the first extent that holds them; 0 when none does. */
uint64_t extent_take(struct extent_list *list, uint64_t bytes);

uint64_t extent_total(const struct extent_list *list);

#endif
