/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for bsp/mmio.h in unit tests: registers are the fake device's, barriers order nothing in one thread. */
#ifndef BSP_MMIO_H
#define BSP_MMIO_H

#include <stddef.h>
#include <stdint.h>

uint64_t fake_mmio_read(const volatile void *base, size_t off, size_t width);
void fake_mmio_write(volatile void *base, size_t off, size_t width, uint64_t value);

static inline void dma_wmb(void)
{
}

static inline void dma_rmb(void)
{
}

static inline void dma_mb(void)
{
}

#define MMIO_ACCESS(bits)                                                                                              \
	static inline uint##bits##_t mmio_read##bits(const volatile void *base, size_t off)                            \
	{                                                                                                              \
		return (uint##bits##_t)fake_mmio_read(base, off, bits / 8);                                            \
	}                                                                                                              \
	static inline void mmio_write##bits(volatile void *base, size_t off, uint##bits##_t value)                     \
	{                                                                                                              \
		fake_mmio_write(base, off, bits / 8, value);                                                           \
	}

MMIO_ACCESS(8)
MMIO_ACCESS(16)
MMIO_ACCESS(32)
MMIO_ACCESS(64)

#endif
