/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For mbedTLS alone: it asks Linux's getauxval() which crypto instructions the processor has. Here the answer comes from
 * ID_AA64ISAR0_EL1 (Arm ARM D19.2.61), readable at EL1. The bits are those of Linux's HWCAP for arm64.
 */
#ifndef TOOLCHAIN_SHIM_SYS_AUXV_H
#define TOOLCHAIN_SHIM_SYS_AUXV_H

#include <stdint.h>

#define AT_HWCAP 16
#define AT_HWCAP2 26

#define HWCAP_ASIMD (1 << 1)
#define HWCAP_AES (1 << 3)
#define HWCAP_PMULL (1 << 4)
#define HWCAP_SHA2 (1 << 6)

static inline unsigned long getauxval(unsigned long type)
{
	uint64_t isar0;
	unsigned long hwcap = HWCAP_ASIMD;

	if (type != AT_HWCAP)
		return 0;
	__asm__("mrs %0, ID_AA64ISAR0_EL1" : "=r"(isar0));
	/* mbedTLS's AES-GCM uses PMULL wherever it finds AES: claim AES only where both are (field value 2). */
	if (((isar0 >> 4) & 0xf) >= 2)
		hwcap |= HWCAP_AES | HWCAP_PMULL;
	if (((isar0 >> 12) & 0xf) >= 1)
		hwcap |= HWCAP_SHA2;
	return hwcap;
}

#endif
