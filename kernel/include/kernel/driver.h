/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bsp/ provides: one visible const table that maps device-tree `compatible` strings to probe functions, and what
 * a probe may use. Order in the table is probe order (interrupt controller first).
 */
#ifndef KERNEL_DRIVER_H
#define KERNEL_DRIVER_H

#include <stddef.h>
#include <stdint.h>

/* A device-tree node being probed. */
struct driver_node {
	const void *fdt;
	int offset; /* libfdt node offset */
	int bus;    /* the parent's offset, 0 = root: libfdt could only find it by walking the whole tree again */
	uint32_t irqc_cells;
};

struct driver {
	const char *compatible;
	/* 0, or -DEV_E_NODEV when the node holds nothing (an empty virtio-mmio slot), or another -DEV_E_*: logged, boot goes on. */
	int (*probe)(const struct driver_node *node);
};

extern const struct driver drivers[];
extern const size_t drivers_count;

/* `index`th reg entry of the node, translated through ranges. 0 or -DEV_E_INVAL (malformed tree). */
int driver_reg(const struct driver_node *node, unsigned int index, uint64_t *base, uint64_t *bytes);

/* Map registers (device memory, not executable) and return their virtual address (identity). Panics when tables run out. */
volatile void *driver_map(uint64_t base, uint64_t bytes);

/* The `index`th interrupt as GIC INTID, from `interrupts` with 3 cells {type, number, flags}. INTID or -DEV_E_INVAL. */
int driver_irq(const struct driver_node *node, unsigned int index);

/* Physically contiguous zeroed memory for DMA, page-aligned, never freed; bus address = physical = virtual address. */
void *driver_dma_alloc(size_t bytes);

#endif
