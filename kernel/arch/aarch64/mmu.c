/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs before the MMU is on (mmu_start() and what it calls): built with -mstrict-align and -mgeneral-regs-only, and
 * without calls to memset(), whose DC ZVA faults on Device memory. Descriptor formats: Arm ARM (DDI 0487) D8.3.
 */
#include "arch/aarch64/mmu.h"

#include "arch/aarch64/cache.h"
#include "arch/aarch64/cpu.h"
#include "arch/aarch64/mmu_desc.h"
#include "image.h"
#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/panic.h"

#define ENTRIES     512
#define BLOCK_BYTES (2ULL << 20)
#define SPACE_BYTES (1ULL << 39)
#define TABLES_MAX  24

/* MAIR: 0 = Device-nGnRE, 1 = Normal, write-back, allocating. */
#define MAIR 0xff04ULL

/* TCR: 39 bits in TTBR0, walks cacheable and inner shareable, 4 KiB, TTBR1 unused; IPS is added at run time. */
#define TCR           (25ULL | 1ULL << 8 | 1ULL << 10 | 3ULL << 12 | 1ULL << 23)
#define TCR_IPS_SHIFT 32
#define IPS_48_BITS   5ULL

#define SCTLR_RES1 0x30d00800ULL
#define SCTLR_ON   (SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN)

static const uint64_t kind_bits[] = {
	[MMU_TEXT] = DESC_VALID | DESC_AF | ATTR_NORMAL | DESC_INNER | DESC_RO | DESC_UXN,
	[MMU_RODATA] = DESC_VALID | DESC_AF | ATTR_NORMAL | DESC_INNER | DESC_RO | DESC_UXN | DESC_PXN,
	[MMU_DATA] = DESC_VALID | DESC_AF | ATTR_NORMAL | DESC_INNER | DESC_UXN | DESC_PXN,
	[MMU_DEVICE] = DESC_VALID | DESC_AF | ATTR_DEVICE | DESC_UXN | DESC_PXN,
};

/* In .bss, which start.S clears: a fresh table is empty. tables[0] is the root (level 1: 1 GiB per entry). */
static uint64_t tables[TABLES_MAX][ENTRIES] __attribute__((aligned(PAGE_BYTES)));
static size_t tables_used = 1;

static void desc_write(uint64_t *entry, uint64_t value)
{
	*(volatile uint64_t *)entry = value;
}

static uint64_t *desc_table(uint64_t desc)
{
	return (uint64_t *)(uintptr_t)(desc & DESC_ADDRESS);
}

static bool desc_is_table(uint64_t desc)
{
	return (desc & (DESC_VALID | DESC_TABLE)) == (DESC_VALID | DESC_TABLE);
}

static uint64_t *table_take(void)
{
	if (tables_used == TABLES_MAX)
		panic(PANIC_OUT_OF_MEMORY, "mmu: more than %d page tables needed", TABLES_MAX);
	return tables[tables_used++];
}

/* The table below `entry`, made if there is none. */
static uint64_t *table_below(uint64_t *entry)
{
	if (!(*entry & DESC_VALID)) {
		uint64_t *table = table_take();

		/* The walker must not see the entry before the empty table. */
		cpu_dsb();
		desc_write(entry, (uintptr_t)table | DESC_VALID | DESC_TABLE);
	}
	return desc_table(*entry);
}

static uint64_t *entry_level2(uint64_t addr)
{
	return &table_below(&tables[0][addr >> 30])[addr >> 21 & (ENTRIES - 1)];
}

static void leaf_set(uint64_t *entry, uint64_t desc)
{
	if (*entry == desc)
		return;
	if (*entry & DESC_VALID)
		panic(PANIC_ASSERT, "mmu: 0x%lx is already mapped otherwise", (unsigned long)(desc & DESC_ADDRESS));
	desc_write(entry, desc);
}

/* Maps one block or one page at `addr`; returns the bytes covered. */
static uint64_t map_step(uint64_t addr, uint64_t end, uint64_t bits)
{
	uint64_t *entry = entry_level2(addr);
	bool block = addr % BLOCK_BYTES == 0 && end - addr >= BLOCK_BYTES && !desc_is_table(*entry);

	if (block) {
		leaf_set(entry, addr | bits);
		return BLOCK_BYTES;
	}
	/* Within a block of the same kind there is nothing to do. */
	if (*entry == ((addr & ~(BLOCK_BYTES - 1)) | bits))
		return PAGE_BYTES;
	if ((*entry & DESC_VALID) && !desc_is_table(*entry))
		panic(PANIC_ASSERT, "mmu: 0x%lx lies in a block of another kind", (unsigned long)addr);
	leaf_set(&table_below(entry)[addr >> 12 & (ENTRIES - 1)], addr | bits | DESC_TABLE);
	return PAGE_BYTES;
}

void mmu_map(uint64_t start, uint64_t bytes, enum mmu_kind kind)
{
	uint64_t addr = start & ~(uint64_t)(PAGE_BYTES - 1);
	uint64_t end;

	if (start >= SPACE_BYTES || bytes > SPACE_BYTES - start)
		panic(PANIC_ASSERT, "mmu: 0x%lx is beyond the address space", (unsigned long)start);
	end = (start + bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	while (addr < end)
		addr += map_step(addr, end, kind_bits[kind]);
	cpu_dsb();
	cpu_isb();
}

static void tlb_flush(void)
{
	__asm__ volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
}

/*
 * A live block may not be replaced by a table in one go: translations of both sizes could meet in the TLB (D8.14.1,
 * break-before-make). Nothing in the block is touched meanwhile: it is fresh memory, and interrupts are off.
 */
static void block_split(uint64_t *entry)
{
	uint64_t desc = *entry;
	uint64_t *table = table_take();

	for (uint64_t i = 0; i < ENTRIES; i++)
		desc_write(&table[i], (desc + i * PAGE_BYTES) | DESC_TABLE);
	desc_write(entry, 0);
	tlb_flush();
	desc_write(entry, (uintptr_t)table | DESC_VALID | DESC_TABLE);
	cpu_dsb();
	cpu_isb();
}

void mmu_guard(uintptr_t page)
{
	uint64_t *entry = entry_level2(page);

	if (!desc_is_table(*entry))
		block_split(entry);
	desc_write(&desc_table(*entry)[page >> 12 & (ENTRIES - 1)], 0);
	tlb_flush();
}

static void map_image(const char *start, const char *end, enum mmu_kind kind)
{
	mmu_map((uintptr_t)start, (uintptr_t)end - (uintptr_t)start, kind);
}

void mmu_start(void)
{
	uint64_t ips = cpu_read(id_aa64mmfr0_el1) & 0xf;

	map_image(text_start, text_end, MMU_TEXT);
	map_image(rodata_start, rodata_end, MMU_RODATA);
	map_image(data_start, stack_main_guard, MMU_DATA);
	map_image(stack_main_low, stack_exception_guard, MMU_DATA);
	map_image(stack_exception_low, stack_emergency_guard, MMU_DATA);
	map_image(stack_emergency_low, image_end, MMU_DATA);

	/* What was written with the caches off must not be hidden by lines that the loader left behind. */
	cache_invalidate(data_start, (size_t)(image_end - data_start));
	cpu_write(mair_el1, MAIR);
	cpu_write(tcr_el1, TCR | (ips > IPS_48_BITS ? IPS_48_BITS : ips) << TCR_IPS_SHIFT);
	cpu_write(ttbr0_el1, (uintptr_t)tables[0]);
	cpu_isb();
	__asm__ volatile("tlbi vmalle1\n\tic iallu\n\tdsb nsh\n\tisb" ::: "memory");
	cpu_write(sctlr_el1, SCTLR_ON);
	cpu_isb();
}
