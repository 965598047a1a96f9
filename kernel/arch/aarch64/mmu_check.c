/* SPDX-License-Identifier: Apache-2.0 */
/* The proof at every start that the address space is what mmu.h promises: reads the live tables, then asks the core. */
#include "arch/aarch64/cpu.h"
#include "arch/aarch64/mmu.h"
#include "arch/aarch64/mmu_desc.h"
#include "image.h"
#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/panic.h"

#define PAR_FAULT 1ULL

struct mmu_seen {
	uint64_t text_bytes, ro_bytes, rw_bytes, device_bytes;
};

static void leaf_check(uint64_t addr, uint64_t bytes, uint64_t desc, struct mmu_seen *seen)
{
	bool writable = !(desc & DESC_RO), executable = !(desc & DESC_PXN);

	if ((desc & DESC_ADDRESS) != addr)
		panic(PANIC_ASSERT, "mmu: 0x%lx is not mapped to itself", (unsigned long)addr);
	if (!(desc & DESC_UXN) || (desc & DESC_EL0))
		panic(PANIC_ASSERT, "mmu: 0x%lx is open to EL0", (unsigned long)addr);
	if (writable && executable)
		panic(PANIC_ASSERT, "mmu: 0x%lx is writable and executable", (unsigned long)addr);
	if (executable && (addr < (uintptr_t)text_start || addr + bytes > (uintptr_t)text_end))
		panic(PANIC_ASSERT, "mmu: 0x%lx is executable outside .text", (unsigned long)addr);
	if (executable)
		seen->text_bytes += bytes;
	else if (!writable)
		seen->ro_bytes += bytes;
	else if ((desc & DESC_ATTR_MASK) == ATTR_DEVICE)
		seen->device_bytes += bytes;
	else
		seen->rw_bytes += bytes;
}

/* `shift`: log2 of the bytes that one entry of `table` covers; 30, 21, 12. */
static void table_check(const uint64_t *table, uint64_t base, unsigned int shift, struct mmu_seen *seen)
{
	for (uint64_t i = 0; i < PAGE_BYTES / sizeof(*table); i++) {
		uint64_t desc = table[i];
		uint64_t addr = base + (i << shift);

		if (!(desc & DESC_VALID))
			continue;
		if (shift > 12 && (desc & DESC_TABLE))
			table_check((const uint64_t *)(uintptr_t)(desc & DESC_ADDRESS), addr, shift - 9, seen);
		else
			leaf_check(addr, 1ULL << shift, desc, seen);
	}
}

static bool core_refuses_read(uintptr_t addr)
{
	__asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(addr) : "memory");
	return cpu_read(par_el1) & PAR_FAULT;
}

static bool core_refuses_write(uintptr_t addr)
{
	__asm__ volatile("at s1e1w, %0\n\tisb" ::"r"(addr) : "memory");
	return cpu_read(par_el1) & PAR_FAULT;
}

void mmu_check(const uintptr_t *guards, size_t count)
{
	struct mmu_seen seen = {0};
	uint64_t sctlr = cpu_read(sctlr_el1);

	if ((sctlr & (SCTLR_M | SCTLR_WXN)) != (SCTLR_M | SCTLR_WXN))
		panic(PANIC_ASSERT, "mmu: SCTLR_EL1 0x%lx lacks M or WXN", (unsigned long)sctlr);
	table_check((const uint64_t *)(uintptr_t)(cpu_read(ttbr0_el1) & DESC_ADDRESS), 0, 30, &seen);
	for (size_t i = 0; i < count; i++)
		if (!core_refuses_read(guards[i]))
			panic(PANIC_ASSERT, "mmu: guard page 0x%lx is mapped", (unsigned long)guards[i]);
	if (!core_refuses_write((uintptr_t)text_start) || !core_refuses_write((uintptr_t)rodata_start))
		panic(PANIC_ASSERT, "mmu: .text or .rodata can be written");
	log_line(LOG_INFO, "mmu: checked text_kb=%lu rodata_kb=%lu rw_kb=%lu device_kb=%lu guards=%zu wxn=on",
		(unsigned long)seen.text_bytes >> 10, (unsigned long)seen.ro_bytes >> 10,
		(unsigned long)seen.rw_bytes >> 10, (unsigned long)seen.device_bytes >> 10, count);
}
