/* SPDX-License-Identifier: Apache-2.0 */
/* An image that hangs before its agent could start, interrupts off. */
#include "kernel/app.h"
#include "kernel/thread.h"

int app_main(void)
{
	return 0;
}

static void hang_before_the_agent(void *arg)
{
	(void)arg;
	__asm__ volatile("msr daifset, #2\n1:\tb 1b");
}

const struct program programs[] = {{"early", hang_before_the_agent, THREAD_AGENT, 8192}};
const size_t programs_count = 1;
