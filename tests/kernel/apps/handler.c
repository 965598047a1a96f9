/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in an interrupt handler: of the core's physical timer, which nobody else uses. */
#include "kernel/app.h"
#include "kernel/irq.h"

#define INTID_PHYSICAL_TIMER 30

static void handler(void *arg)
{
	(void)arg;
	__asm__ volatile("str wzr, [%0]" ::"r"((uint64_t)8) : "memory");
}

int app_main(void)
{
	app_log(APP_INFO, "about to fail in an interrupt handler");
	irq_attach(INTID_PHYSICAL_TIMER, handler, NULL);
	__asm__ volatile("msr cntp_tval_el0, xzr\n\tmsr cntp_ctl_el0, %0\n\tisb" ::"r"((uint64_t)1));
	for (;;)
		continue;
}
