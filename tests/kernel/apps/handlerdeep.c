/* SPDX-License-Identifier: Apache-2.0 */
/* Recurses in an interrupt handler until the exception stack is used up. */
#include "kernel/app.h"
#include "kernel/irq.h"

#define INTID_PHYSICAL_TIMER 30

static int handler_deeper(int depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	return depth > 1000000 ? 0 : handler_deeper(depth + 1) + room[0];
}

static void handler(void *arg)
{
	(void)arg;
	handler_deeper(0);
}

int app_main(void)
{
	app_log(APP_INFO, "about to fail in an interrupt handler");
	irq_attach(INTID_PHYSICAL_TIMER, handler, NULL);
	__asm__ volatile("msr cntp_tval_el0, xzr\n\tmsr cntp_ctl_el0, %0\n\tisb" ::"r"((uint64_t)1));
	for (;;)
		continue;
}
