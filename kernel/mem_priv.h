/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_MEM_PRIV_H
#define KERNEL_MEM_PRIV_H

#include <stdint.h>

#include "kernel/mem.h"

struct fdt_tree;

/* Find RAM in the device tree, keep image, tree and reserved ranges out of it, map the rest. */
void mem_init(const struct fdt_tree *tree);

/* As mem_pages_alloc(), but with whatever the pages held: for heaps, whose megabytes nobody should touch before they are used. */
void *mem_pages_take(size_t count);

/* Make both heaps. Needs mem_init(). `secret` seeds the seals on their blocks. */
void malloc_init(uint32_t secret);

/* The heaps' part of mem_stats_get(). */
void malloc_stats_get(struct mem_stats *stats);

#endif
