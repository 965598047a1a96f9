/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register access and the barriers between registers, memory shared with a device, and the CPU.
 *
 * mmio_write*() is ordered after all earlier writes to memory, so that a doorbell never overtakes what it announces;
 * mmio_read*() is ordered before all later reads of memory, so that data is not read before the status that vouches
 * for it. dma_*() order accesses to shared memory among themselves. Arm ARM (DDI 0487) B2.3.7; the outer shareable
 * domain is the one that devices are in. `off` is in bytes.
 */
#ifndef BSP_MMIO_H
#define BSP_MMIO_H

#include <stddef.h>
#include <stdint.h>

static inline void dma_wmb(void)
{
	__asm__ volatile("dmb oshst" ::: "memory");
}

static inline void dma_rmb(void)
{
	__asm__ volatile("dmb oshld" ::: "memory");
}

static inline void dma_mb(void)
{
	__asm__ volatile("dmb osh" ::: "memory");
}

/* One plain load or store each: an access with writeback, which a compiler may choose, cannot be emulated by a hypervisor. */
static inline uint32_t mmio_read32(const volatile void *base, size_t off)
{
	uint32_t value;
	uintptr_t addr = (uintptr_t)base + off;

	__asm__ volatile("ldr %w0, [%1]\n\tdmb oshld" : "=r"(value) : "r"(addr) : "memory");
	return value;
}

static inline void mmio_write32(volatile void *base, size_t off, uint32_t value)
{
	uintptr_t addr = (uintptr_t)base + off;

	__asm__ volatile("dmb oshst\n\tstr %w0, [%1]" ::"r"(value), "r"(addr) : "memory");
}

static inline uint16_t mmio_read16(const volatile void *base, size_t off)
{
	uint32_t value;
	uintptr_t addr = (uintptr_t)base + off;

	__asm__ volatile("ldrh %w0, [%1]\n\tdmb oshld" : "=r"(value) : "r"(addr) : "memory");
	return (uint16_t)value;
}

static inline void mmio_write16(volatile void *base, size_t off, uint16_t value)
{
	uintptr_t addr = (uintptr_t)base + off;

	__asm__ volatile("dmb oshst\n\tstrh %w0, [%1]" ::"r"((uint32_t)value), "r"(addr) : "memory");
}

static inline uint8_t mmio_read8(const volatile void *base, size_t off)
{
	uint32_t value;
	uintptr_t addr = (uintptr_t)base + off;

	__asm__ volatile("ldrb %w0, [%1]\n\tdmb oshld" : "=r"(value) : "r"(addr) : "memory");
	return (uint8_t)value;
}

static inline void mmio_write8(volatile void *base, size_t off, uint8_t value)
{
	uintptr_t addr = (uintptr_t)base + off;

	__asm__ volatile("dmb oshst\n\tstrb %w0, [%1]" ::"r"((uint32_t)value), "r"(addr) : "memory");
}

static inline void mmio_write64(volatile void *base, size_t off, uint64_t value)
{
	uintptr_t addr = (uintptr_t)base + off;

	__asm__ volatile("dmb oshst\n\tstr %0, [%1]" ::"r"(value), "r"(addr) : "memory");
}

static inline uint64_t mmio_read64(const volatile void *base, size_t off)
{
	uint64_t value;
	uintptr_t addr = (uintptr_t)base + off;

	__asm__ volatile("ldr %0, [%1]\n\tdmb oshld" : "=r"(value) : "r"(addr) : "memory");
	return value;
}

#endif
