/* SPDX-License-Identifier: Apache-2.0 */
/* The core's registers as C. Names and bits: Arm ARM (DDI 0487), D17. Only kernel/ includes this. */
#ifndef KERNEL_ARCH_CPU_H
#define KERNEL_ARCH_CPU_H

#include <stdbool.h>
#include <stdint.h>

#define cpu_read(reg)                                                                                                  \
	({                                                                                                             \
		uint64_t value_;                                                                                       \
		__asm__ volatile("mrs %0, " #reg : "=r"(value_));                                                      \
		value_;                                                                                                \
	})
#define cpu_write(reg, value) __asm__ volatile("msr " #reg ", %0" ::"r"((uint64_t)(value)) : "memory")

#define DAIF_I        (1ULL << 7)
#define SPSEL_HANDLER 1ULL

/* BRK comments of ours; everything else that breaks is a fault. */
#define BRK_PANIC 0x5350

static inline void cpu_isb(void)
{
	__asm__ volatile("isb" ::: "memory");
}

static inline void cpu_dsb(void)
{
	__asm__ volatile("dsb sy" ::: "memory");
}

static inline void cpu_wfi(void)
{
	__asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

static inline void cpu_irq_mask(void)
{
	__asm__ volatile("msr daifset, #2" ::: "memory");
}

/* Exceptions run on SP_EL1, threads (and main before them) on SP_EL0. */
static inline bool cpu_in_handler(void)
{
	return cpu_read(spsel) == SPSEL_HANDLER;
}

/* Enter the kernel so that the scheduler may pick another thread; returns when the caller is picked again. */
static inline void cpu_yield(void)
{
	__asm__ volatile("svc #0" ::: "memory");
}

#endif
