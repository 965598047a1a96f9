/* SPDX-License-Identifier: Apache-2.0 */
/* An image that dies before its agent could start: a program above all others panics. */
#include "kernel/app.h"
#include "kernel/panic.h"
#include "kernel/thread.h"

int app_main(void)
{
	return 0;
}

static void early_main(void *arg)
{
	(void)arg;
	panic(PANIC_ASSERT, "dead before the agent");
}

const struct program programs[] = {{"early", early_main, THREAD_AGENT, 8192}};
const size_t programs_count = 1;
