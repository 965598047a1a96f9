/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_FDT_PRIV_H
#define KERNEL_FDT_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/driver.h"

/* The tree, and the nodes that the kernel itself reads; an offset below 0: there is none. */
#define FDT_MEMORY_MAX 8
struct fdt_tree {
	const void *fdt;
	uint64_t bytes; /* in use from its start */
	int chosen, skerry, reserved, timer;
	int memory[FDT_MEMORY_MAX];
	size_t memory_count;
};

/*
 * Map and check the device tree at `addr`, or at the start of RAM when that is 0. Panics when there is none: without it no
 * device is known, the console included.
 */
void fdt_map(struct fdt_tree *tree, uint64_t addr);

/* Walk the tree, once: libfdt's own lookups each walk it again, and that was most of a start. Feeds driver_match(). */
void fdt_scan(struct fdt_tree *tree);

/* Remember the node if a driver wants it. `bus`: its parent's offset. */
void driver_match(const void *fdt, int offset, int bus);

/* Probe every node that was remembered, in the order of `drivers`. */
void driver_probe_all(const void *fdt);

/* Copy /chosen/skerry. */
void bootinfo_read(const struct fdt_tree *tree, uint64_t entry_ticks);

/* The loader's random bytes (/chosen rng-seed, kaslr-seed) folded into one word; 0 when it gave none. */
uint64_t fdt_seed(const struct fdt_tree *tree);

#endif
