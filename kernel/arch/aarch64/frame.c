/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/aarch64/frame.h"

#include <string.h>

#include "image.h"
#include "thread_priv.h"

/* SPSR: EL1t, debug and FIQ masked, IRQ and SError open. */
#define SPSR_THREAD 0x244U

void frame_start(void);

void frame_init(struct frame *frame, void (*entry)(void *), void *arg, uintptr_t sp, uintptr_t tpidr)
{
	memset(frame, 0, sizeof(*frame));
	frame->x[19] = (uintptr_t)entry;
	frame->x[20] = (uintptr_t)arg;
	frame->elr = (uintptr_t)frame_start;
	frame->spsr = SPSR_THREAD;
	frame->sp = sp;
	frame->tpidr = tpidr;
}

/* AAPCS64 §6.4.6: x29 points at {caller's x29, return address}. The stack may be damaged: every step is checked. */
size_t frame_backtrace(const struct frame *frame, uint64_t *pcs, size_t max)
{
	uintptr_t fp = frame->x[29], low, high;
	size_t count = 0;

	if (!thread_stack_range(fp, &low, &high))
		return 0;
	while (count < max && fp >= low && fp % 16 == 0 && high - fp >= 16) {
		const uint64_t *record = (const uint64_t *)fp;

		if (record[1] < (uintptr_t)text_start || record[1] >= (uintptr_t)text_end)
			break;
		pcs[count++] = record[1];
		if (record[0] <= fp || record[0] >= high)
			break;
		fp = record[0];
	}
	return count;
}
