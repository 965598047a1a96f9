/* SPDX-License-Identifier: Apache-2.0 */
/* Who is due next: a binary heap of numbers 0..count-1, each with a time. */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct sim_heap {
	uint32_t *order, *place; /* place in the order, of each */
	uint64_t *due;           /* of each */
	uint32_t count;
};

/* All due at 0. 0 or -1: no memory. */
__attribute__((warn_unused_result)) int sim_heap_init(struct sim_heap *heap, uint32_t count);
void sim_heap_free(struct sim_heap *heap);
uint32_t sim_heap_first(const struct sim_heap *heap);
void sim_heap_set(struct sim_heap *heap, uint32_t who, uint64_t due);

#endif
