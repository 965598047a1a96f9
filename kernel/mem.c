/* SPDX-License-Identifier: Apache-2.0 */
/* RAM from the device tree: which pages there are, which are free. DT spec 0.4 §3.4 (/memory), §3.5 (/reserved-memory). */
#include "kernel/mem.h"

#include <libfdt.h>
#include <string.h>

#include "arch/aarch64/mmu.h"
#include "extent.h"
#include "fdt_priv.h"
#include "image.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "mem_priv.h"

/* More is left alone: page tables come from a fixed pool, and nothing here could use it. */
#define RAM_MAX_BYTES (1ULL << 30)
#define RAM_END       (1ULL << 39)

static struct extent_list pages;
static uint64_t ram_bytes;

static uint64_t page_down(uint64_t addr)
{
	return addr & ~(uint64_t)(PAGE_BYTES - 1);
}

static uint64_t page_up(uint64_t addr)
{
	return page_down(addr + PAGE_BYTES - 1);
}

static void ram_add(uint64_t start, uint64_t bytes)
{
	uint64_t end;

	if (start >= RAM_END || bytes > RAM_END - start)
		return;
	end = page_down(start + bytes);
	start = page_up(start);
	if (start >= end || ram_bytes == RAM_MAX_BYTES)
		return;
	if (end - start > RAM_MAX_BYTES - ram_bytes)
		end = start + (RAM_MAX_BYTES - ram_bytes);
	if (extent_add(&pages, start, end))
		ram_bytes += end - start;
}

static void ram_reserve(uint64_t start, uint64_t bytes)
{
	if (start >= RAM_END || bytes > RAM_END - start)
		return;
	if (!extent_remove(&pages, page_down(start), page_up(start + bytes)))
		panic(PANIC_OUT_OF_MEMORY, "mem: too many reserved ranges");
}

/* Every `reg` of the node to `each`. */
static void regs_visit(const void *fdt, int offset, int bus, void (*each)(uint64_t start, uint64_t bytes))
{
	struct driver_node node = {.fdt = fdt, .offset = offset, .bus = bus};
	uint64_t start, bytes;

	for (unsigned int i = 0; driver_reg(&node, i, &start, &bytes) == 0; i++)
		each(start, bytes);
}

static void reserved_remove(const struct fdt_tree *tree)
{
	uint64_t start, bytes;
	int offset;

	for (int i = 0; i < fdt_num_mem_rsv(tree->fdt); i++)
		if (fdt_get_mem_rsv(tree->fdt, i, &start, &bytes) == 0)
			ram_reserve(start, bytes);
	if (tree->reserved < 0)
		return;
	fdt_for_each_subnode(offset, tree->fdt, tree->reserved)
		regs_visit(tree->fdt, offset, tree->reserved, ram_reserve);
}

void mem_init(const struct fdt_tree *tree)
{
	for (size_t i = 0; i < tree->memory_count; i++)
		regs_visit(tree->fdt, tree->memory[i], 0, ram_add);
	ram_reserve((uintptr_t)text_start, (uint64_t)(image_end - text_start));
	ram_reserve((uintptr_t)tree->fdt, tree->bytes);
	reserved_remove(tree);
	for (size_t i = 0; i < pages.count; i++)
		mmu_map(pages.extents[i].start, pages.extents[i].end - pages.extents[i].start, MMU_DATA);
	log_line(LOG_INFO, "mem: ram_kb=%lu free_kb=%lu image_kb=%lu", (unsigned long)(ram_bytes >> 10),
		(unsigned long)(extent_total(&pages) >> 10), (unsigned long)(image_end - text_start) >> 10);
}

void *mem_pages_take(size_t count)
{
	uint64_t state, start;

	if (count == 0 || count > RAM_MAX_BYTES / PAGE_BYTES)
		return NULL;
	state = irq_save();
	start = extent_take(&pages, (uint64_t)count * PAGE_BYTES);
	irq_restore(state);
	return (void *)(uintptr_t)start;
}

void *mem_pages_alloc(size_t count)
{
	void *start = mem_pages_take(count);

	return start ? memset(start, 0, count * PAGE_BYTES) : NULL;
}

void mem_pages_free(void *start, size_t count)
{
	uint64_t state = irq_save();
	bool kept = extent_add(&pages, (uintptr_t)start, (uintptr_t)start + (uint64_t)count * PAGE_BYTES);

	irq_restore(state);
	if (!kept)
		log_line(LOG_WARN, "mem: pages lost count=%zu", count);
}

void mem_stats_get(struct mem_stats *stats)
{
	uint64_t state = irq_save();

	*stats = (struct mem_stats){.ram_bytes = ram_bytes, .pages_used_bytes = ram_bytes - extent_total(&pages)};
	irq_restore(state);
	malloc_stats_get(stats);
}
