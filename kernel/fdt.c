/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree: where it is, and what drivers ask of it. DT spec 0.4; flattened format: §5. */
#include <libfdt.h>

#include "arch/aarch64/mmu.h"
#include "fdt_priv.h"
#include "image.h"
#include "kernel/dev.h"
#include "kernel/mem.h"
#include "kernel/panic.h"

#define FDT_MAX_BYTES (2UL << 20)
#define DEPTH_MAX     8
#define GIC_SPI       0
#define GIC_PPI       1
#define GIC_SPI_FIRST 32
#define GIC_PPI_FIRST 16

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * QEMU announces 1 MiB and uses 7 KiB; the rest is RAM like any other. The blocks lie in the order reservations,
 * structure, strings (§5.1).
 */
static uint64_t fdt_used_bytes(const void *fdt)
{
	return max_u64((uint64_t)fdt_off_dt_struct(fdt) + fdt_size_dt_struct(fdt),
		(uint64_t)fdt_off_dt_strings(fdt) + fdt_size_dt_strings(fdt));
}

void fdt_map(struct fdt_tree *tree, uint64_t addr)
{
	const void *fdt = (const void *)(addr ? (uintptr_t)addr : (uintptr_t)board_ram_start);

	mmu_map((uintptr_t)fdt, PAGE_BYTES, MMU_RODATA);
	/* Before version 17 the header does not say how long the structure is. */
	if (fdt_check_header(fdt) || fdt_version(fdt) < 17 || fdt_totalsize(fdt) > FDT_MAX_BYTES)
		panic(PANIC_ASSERT, "fdt: no device tree at %p", fdt);
	/* The check above keeps all its parts within the announced size. */
	*tree = (struct fdt_tree){.fdt = fdt, .bytes = fdt_used_bytes(fdt)};
	mmu_map((uintptr_t)fdt, tree->bytes, MMU_RODATA);
}

static uint64_t cells_read(const fdt32_t *cells, int count)
{
	uint64_t value = 0;

	for (int i = 0; i < count; i++)
		value = value << 32 | fdt32_ld(&cells[i]);
	return value;
}

/* Apply the parent bus's `ranges` to `*addr`: empty means identity, absent means no way through. */
static int ranges_apply(const void *fdt, int bus, uint64_t *addr)
{
	int child_cells = fdt_address_cells(fdt, bus), size_cells = fdt_size_cells(fdt, bus), parent_cells, len, step;
	int parent = fdt_parent_offset(fdt, bus);
	const fdt32_t *ranges = fdt_getprop(fdt, bus, "ranges", &len);

	if (!ranges || parent < 0)
		return -DEV_E_INVAL;
	if (len == 0)
		return 0;
	parent_cells = fdt_address_cells(fdt, parent);
	if (child_cells < 0 || size_cells < 0 || parent_cells < 0)
		return -DEV_E_INVAL;
	step = child_cells + parent_cells + size_cells;
	if (step == 0)
		return -DEV_E_INVAL;
	for (int i = 0; i + step <= len / 4; i += step) {
		uint64_t from = cells_read(&ranges[i], child_cells);
		uint64_t to = cells_read(&ranges[i + child_cells], parent_cells);
		uint64_t bytes = cells_read(&ranges[i + child_cells + parent_cells], size_cells);

		if (*addr >= from && *addr - from < bytes) {
			*addr = to + (*addr - from);
			return 0;
		}
	}
	return -DEV_E_INVAL;
}

int driver_reg(const struct driver_node *node, unsigned int index, uint64_t *base, uint64_t *bytes)
{
	int bus = node->bus, len, address_cells, size_cells;
	const fdt32_t *reg = fdt_getprop(node->fdt, node->offset, "reg", &len);
	uint64_t first;

	if (!reg)
		return -DEV_E_INVAL;
	address_cells = fdt_address_cells(node->fdt, bus);
	size_cells = fdt_size_cells(node->fdt, bus);
	if (address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2)
		return -DEV_E_INVAL;
	first = (uint64_t)index * (uint64_t)(address_cells + size_cells);
	if (first + (uint64_t)(address_cells + size_cells) > (uint64_t)len / 4)
		return -DEV_E_INVAL;
	*base = cells_read(&reg[first], address_cells);
	*bytes = cells_read(&reg[first + (uint64_t)address_cells], size_cells);
	for (int depth = 0; bus > 0; depth++) {
		if (depth == DEPTH_MAX || ranges_apply(node->fdt, bus, base))
			return -DEV_E_INVAL;
		bus = fdt_parent_offset(node->fdt, bus);
	}
	return bus == 0 ? 0 : -DEV_E_INVAL;
}

volatile void *driver_map(uint64_t base, uint64_t bytes)
{
	mmu_map(base, bytes, MMU_DEVICE);
	return (volatile void *)(uintptr_t)base;
}

/* Binding interrupt-controller/arm,gic.yaml: {SPI or PPI, number within its kind, flags}. */
int driver_irq(const struct driver_node *node, unsigned int index)
{
	int len;
	const fdt32_t *cells = fdt_getprop(node->fdt, node->offset, "interrupts", &len);
	uint32_t type, number;

	if (!cells || ((uint64_t)index + 1) * 3 > (uint64_t)len / 4)
		return -DEV_E_INVAL;
	type = fdt32_ld(&cells[index * 3]);
	number = fdt32_ld(&cells[index * 3 + 1]);
	if (type == GIC_SPI && number < 988)
		return (int)(GIC_SPI_FIRST + number);
	if (type == GIC_PPI && number < 16)
		return (int)(GIC_PPI_FIRST + number);
	return -DEV_E_INVAL;
}

void *driver_dma_alloc(size_t bytes)
{
	void *pages = mem_pages_alloc((bytes + PAGE_BYTES - 1) / PAGE_BYTES);

	if (!pages)
		panic(PANIC_OUT_OF_MEMORY, "driver: no memory for %zu bytes of DMA buffers", bytes);
	return pages;
}

uint64_t fdt_seed(const struct fdt_tree *tree)
{
	static const char *const names[] = {"rng-seed", "kaslr-seed"};
	uint64_t seed = 0;

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]) && tree->chosen >= 0; n++) {
		int len;
		const uint8_t *bytes = fdt_getprop(tree->fdt, tree->chosen, names[n], &len);

		for (int i = 0; bytes && i < len; i++)
			seed = (seed << 7 | seed >> 57) * 0x9e3779b97f4a7c15ULL ^ bytes[i];
	}
	return seed;
}
