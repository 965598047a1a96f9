/* SPDX-License-Identifier: Apache-2.0 */
/* Runs before the MMU is on too: see mmu.c for what that means. */
#include "arch/aarch64/cache.h"

#include "arch/aarch64/cpu.h"

/* CTR_EL0.DminLine: log2 of the words in the smallest data cache line. */
static size_t cache_line_bytes(void)
{
	return (size_t)4 << (cpu_read(ctr_el0) >> 16 & 0xf);
}

void cache_invalidate(const void *start, size_t bytes)
{
	size_t line = cache_line_bytes();
	uintptr_t end = (uintptr_t)start + bytes;

	cpu_dsb();
	for (uintptr_t addr = (uintptr_t)start & ~(uintptr_t)(line - 1); addr < end; addr += line)
		__asm__ volatile("dc ivac, %0" ::"r"(addr) : "memory");
	cpu_dsb();
}
