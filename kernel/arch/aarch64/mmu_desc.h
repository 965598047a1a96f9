/* SPDX-License-Identifier: Apache-2.0 */
/* Bits of stage 1 descriptors. Arm ARM (DDI 0487) D8.3. */
#ifndef KERNEL_ARCH_MMU_DESC_H
#define KERNEL_ARCH_MMU_DESC_H

#define DESC_VALID      (1ULL << 0)
#define DESC_TABLE      (1ULL << 1) /* at levels 1 and 2; at level 3 the same bit means page */
#define DESC_ATTR_SHIFT 2
#define DESC_ATTR_MASK  (7ULL << DESC_ATTR_SHIFT)
#define DESC_EL0        (1ULL << 6)
#define DESC_RO         (1ULL << 7)
#define DESC_INNER      (3ULL << 8)
#define DESC_AF         (1ULL << 10)
#define DESC_PXN        (1ULL << 53)
#define DESC_UXN        (1ULL << 54)
#define DESC_ADDRESS    0x0000fffffffff000ULL

/* Indices into MAIR_EL1. */
#define ATTR_DEVICE (0ULL << DESC_ATTR_SHIFT)
#define ATTR_NORMAL (1ULL << DESC_ATTR_SHIFT)

#define SCTLR_M   (1ULL << 0)
#define SCTLR_C   (1ULL << 2)
#define SCTLR_SA  (1ULL << 3)
#define SCTLR_I   (1ULL << 12)
#define SCTLR_WXN (1ULL << 19)

#endif
