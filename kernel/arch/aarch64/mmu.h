/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address space: virtual = physical, W^X, what is not mapped faults. 4 KiB granule, 39 bits, one table tree that
 * is built before the MMU goes on and grown afterwards; tables come from a fixed pool.
 */
#ifndef KERNEL_ARCH_MMU_H
#define KERNEL_ARCH_MMU_H

#include <stddef.h>
#include <stdint.h>

enum mmu_kind { MMU_TEXT, MMU_RODATA, MMU_DATA, MMU_DEVICE };

/* By start.S, MMU off: map the image and switch MMU and caches on. */
void mmu_start(void);

/*
 * Map [start, start + bytes), widened to pages, identity. Mapping the same again changes nothing; panics when the
 * range is mapped as another kind, lies beyond the address space, or the table pool is used up.
 */
void mmu_map(uint64_t start, uint64_t bytes, enum mmu_kind kind);

/* Make the page at `page` (page-aligned, mapped, not in use) fault. */
void mmu_guard(uintptr_t page);

/*
 * Read the live tables from TTBR0_EL1 down, and panic unless every leaf is either writable or executable, only .text
 * is executable, WXN is on, and the core itself refuses to read each of `guards` and to write .text. Logs what it saw.
 */
void mmu_check(const uintptr_t *guards, size_t count);

#endif
