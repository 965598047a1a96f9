/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exception vectors. Threads run on SP_EL0, so an exception always finds SP_EL1 at the top of the exception stack: a
 * thread that overflowed its own can still be reported. The whole state goes into the frame that TPIDR_EL1 points at
 * (the current thread's); the handler returns the frame to go on with, which is how threads are switched.
 *
 * An exception while one is being handled (SP_EL1 in use) is fatal: it saves to a frame of its own and runs on the
 * emergency stack, so that a broken exception stack does not matter.
 */
#include "frame.h"

	.section .text.vectors, "ax"
	/* From a thread. No stack is touched before the state is safe. */
	.macro thread_vector handler
	.balign 128
	msr	tpidrro_el0, x0
	mrs	x0, tpidr_el1
	str	x1, [x0, #8]
	str	x30, [x0, #240]
	mrs	x1, sp_el0
	bl	frame_save
	mov	x29, xzr
	mrs	x0, tpidr_el1
	bl	\handler
	b	frame_resume
	.endm

	/* From a handler. */
	.macro nested_vector
	.balign 128
	msr	tpidrro_el0, x0
	ldr	x0, =exception_nested_frame
	str	x1, [x0, #8]
	str	x30, [x0, #240]
	mov	x1, sp
	bl	frame_save
	ldr	x0, =stack_emergency_end
	mov	sp, x0
	mov	x29, xzr
	ldr	x0, =exception_nested_frame
	bl	exception_fatal
	.endm

	/* From EL0: never entered. */
	.macro unused_vector
	.balign 128
	b	.
	.endm

	.balign 2048
	.globl vectors
vectors:
	thread_vector exception_sync
	thread_vector exception_irq
	thread_vector exception_fatal	/* FIQ: nothing routes one here */
	thread_vector exception_fatal	/* SError */

	nested_vector
	nested_vector
	nested_vector
	nested_vector

	.rept 8
	unused_vector
	.endr

/* x0 = frame, x1 = the interrupted sp. Their own values: x0's in TPIDRRO_EL0 (nothing runs at EL0), x1's and x30's in the frame. */
	.type frame_save, %function
frame_save:
	str	x1, [x0, #FRAME_SP]
	mrs	x1, tpidrro_el0
	str	x1, [x0]
	stp	x2, x3, [x0, #16]
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [x0, #FRAME_ELR]
	mrs	x1, tpidr_el0
	str	x1, [x0, #FRAME_TPIDR]
	mrs	x1, fpsr
	mrs	x2, fpcr
	stp	x1, x2, [x0, #FRAME_FPSR]
	add	x1, x0, #FRAME_Q
	stp	q0, q1, [x1]
	stp	q2, q3, [x1, #32]
	stp	q4, q5, [x1, #64]
	stp	q6, q7, [x1, #96]
	stp	q8, q9, [x1, #128]
	stp	q10, q11, [x1, #160]
	stp	q12, q13, [x1, #192]
	stp	q14, q15, [x1, #224]
	stp	q16, q17, [x1, #256]
	stp	q18, q19, [x1, #288]
	stp	q20, q21, [x1, #320]
	stp	q22, q23, [x1, #352]
	stp	q24, q25, [x1, #384]
	stp	q26, q27, [x1, #416]
	stp	q28, q29, [x1, #448]
	stp	q30, q31, [x1, #480]
	ret
	.size frame_save, . - frame_save

/* x0 = frame to go on with. */
	.type frame_resume, %function
frame_resume:
	msr	tpidr_el1, x0
	add	x1, x0, #FRAME_Q
	ldp	q0, q1, [x1]
	ldp	q2, q3, [x1, #32]
	ldp	q4, q5, [x1, #64]
	ldp	q6, q7, [x1, #96]
	ldp	q8, q9, [x1, #128]
	ldp	q10, q11, [x1, #160]
	ldp	q12, q13, [x1, #192]
	ldp	q14, q15, [x1, #224]
	ldp	q16, q17, [x1, #256]
	ldp	q18, q19, [x1, #288]
	ldp	q20, q21, [x1, #320]
	ldp	q22, q23, [x1, #352]
	ldp	q24, q25, [x1, #384]
	ldp	q26, q27, [x1, #416]
	ldp	q28, q29, [x1, #448]
	ldp	q30, q31, [x1, #480]
	ldp	x1, x2, [x0, #FRAME_FPSR]
	msr	fpsr, x1
	msr	fpcr, x2
	ldr	x1, [x0, #FRAME_TPIDR]
	msr	tpidr_el0, x1
	ldp	x1, x2, [x0, #FRAME_ELR]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x30, x1, [x0, #240]
	msr	sp_el0, x1
	ldp	x28, x29, [x0, #224]
	ldp	x26, x27, [x0, #208]
	ldp	x24, x25, [x0, #192]
	ldp	x22, x23, [x0, #176]
	ldp	x20, x21, [x0, #160]
	ldp	x18, x19, [x0, #144]
	ldp	x16, x17, [x0, #128]
	ldp	x14, x15, [x0, #112]
	ldp	x12, x13, [x0, #96]
	ldp	x10, x11, [x0, #80]
	ldp	x8, x9, [x0, #64]
	ldp	x6, x7, [x0, #48]
	ldp	x4, x5, [x0, #32]
	ldp	x2, x3, [x0, #16]
	ldp	x0, x1, [x0]
	eret
	.size frame_resume, . - frame_resume

	.ltorg

/* Where a fresh thread begins: x19 = entry, x20 = argument. */
	.section .text.frame_start, "ax"
	.globl frame_start
	.type frame_start, %function
frame_start:
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x20
	blr	x19
	bl	thread_returned
	.size frame_start, . - frame_start
