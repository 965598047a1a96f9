/* SPDX-License-Identifier: Apache-2.0 */
/* A thread's registers while it does not run. vectors.S knows the offsets; exception.c checks them. */
#ifndef KERNEL_ARCH_FRAME_H
#define KERNEL_ARCH_FRAME_H

#define FRAME_SP    248
#define FRAME_ELR   256
#define FRAME_TPIDR 272
#define FRAME_FPSR  288
#define FRAME_Q     304
#define FRAME_BYTES 816

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct frame {
	uint64_t x[31];
	uint64_t sp; /* the interrupted stack pointer */
	uint64_t elr, spsr;
	uint64_t tpidr; /* TPIDR_EL0: thread-local storage */
	uint64_t reserved;
	uint64_t fpsr, fpcr;
	uint64_t q[64]; /* all of q0..q31: handlers are ordinary C and may use them */
};

/* A fresh thread: calls entry(arg) with the given stack and thread pointer, interrupts on. */
void frame_init(struct frame *frame, void (*entry)(void *), void *arg, uintptr_t sp, uintptr_t tpidr);

/* Return addresses from `frame` outward, by frame pointers within [low, high); returns how many of `max`. */
size_t frame_backtrace(const struct frame *frame, uint64_t *pcs, size_t max);
#endif

#endif
