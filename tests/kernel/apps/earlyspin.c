/* SPDX-License-Identifier: Apache-2.0 */
/* An image that hangs before its agent could start, interrupts on. */
#include "kernel/app.h"
#include "kernel/thread.h"

int app_main(void)
{
	return 0;
}

static void spin_before_the_agent(void *arg)
{
	(void)arg;
	for (;;)
		__asm__ volatile("nop");
}

const struct program programs[] = {{"early", spin_before_the_agent, THREAD_AGENT, 8192}};
const size_t programs_count = 1;
