/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First instructions. In: x0 = device tree, or 0; EL2 or EL1; MMU off. Everything here and what mmu_start() runs works
 * on Device memory, where an unaligned access faults.
 */

/* RES1 bits of SCTLR_EL1 (Armv8.0); MMU, caches and alignment checks off. */
#define SCTLR_OFF 0x30d00800
/* HCR_EL2: RW (EL1 is AArch64), HCD (no way back through HVC), API and APK (pointer authentication is EL1's matter). */
#define HCR ((1 << 31) | (1 << 29) | (3 << 40))
/* CPTR_EL2: RES1 bits, no traps of FP/SIMD. */
#define CPTR 0x33ff
/* SPSR: EL1h, all masked. */
#define SPSR_EL1H 0x3c5
#define CPACR_FPEN (3 << 20)

	.section .text.start, "ax"
	.globl _start
	.type _start, %function
_start:
	mov	x19, x0
	/* Cores other than the first have nothing to do here; firmware that starts all of them at once gets them parked. */
	mrs	x1, mpidr_el1
	tst	x1, #0xff
	b.ne	park

	mrs	x1, CurrentEL
	cmp	x1, #(2 << 2)
	b.hi	park
	b.ne	at_el1

	ldr	x1, =HCR
	msr	hcr_el2, x1
	mov	x1, #CPTR
	msr	cptr_el2, x1
	msr	hstr_el2, xzr
	mov	x1, #3			/* EL1 may read the counters and its timers; no offset between them */
	msr	cnthctl_el2, x1
	msr	cntvoff_el2, xzr
	mrs	x1, midr_el1
	msr	vpidr_el2, x1
	mrs	x1, mpidr_el1
	msr	vmpidr_el2, x1
	mrs	x1, id_aa64pfr0_el1
	ubfx	x1, x1, #24, #4
	cbz	x1, 1f
	mov	x1, #0xf		/* GICv3: the CPU interface's system registers belong to EL1 too */
	msr	S3_4_C12_C9_5, x1	/* ICC_SRE_EL2 */
	isb
	msr	S3_4_C12_C11_0, xzr	/* ICH_HCR_EL2 */
1:	ldr	x1, =SCTLR_OFF
	msr	sctlr_el1, x1
	mov	x1, #SPSR_EL1H
	msr	spsr_el2, x1
	adr	x1, at_el1
	msr	elr_el2, x1
	eret

at_el1:
	msr	daifset, #0xf
	ldr	x1, =SCTLR_OFF
	msr	sctlr_el1, x1
	mov	x1, #CPACR_FPEN
	msr	cpacr_el1, x1
	isb
	mrs	x20, cntvct_el0
	ldr	x1, =vectors
	msr	vbar_el1, x1
	/* The boot thread's frame, so that an exception has a place to save to from here on. */
	ldr	x1, =thread_boot
	msr	tpidr_el1, x1
	msr	spsel, #1
	ldr	x1, =stack_exception_end
	mov	sp, x1
	msr	spsel, #0
	ldr	x1, =stack_main_end
	mov	sp, x1

	ldr	x1, =bss_start
	ldr	x2, =bss_end
1:	cmp	x1, x2
	b.hs	2f
	stp	xzr, xzr, [x1], #16
	b	1b

2:	mov	x29, xzr		/* end of every backtrace */
	mov	x30, xzr
	bl	mmu_start
	mov	x0, x19
	mov	x1, x20
	bl	kernel_main

park:
	wfe
	b	park
	.size _start, . - _start
	.ltorg
