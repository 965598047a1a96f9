/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of an image without the agent: the app, and a supervisor above it that keeps the watchdog content. */
#include "kernel/app_port.h"
#include "kernel/thread.h"
#include "kernel/watchdog.h"

#define FEED_PERIOD_MS 2000

static void supervisor(void *arg)
{
	(void)arg;
	for (;;) {
		watchdog_feed();
		thread_sleep_ms(FEED_PERIOD_MS);
	}
}

const struct program programs[] = {
	{"supervisor", supervisor, THREAD_AGENT, 4096},
	{"app", app_thread, THREAD_APP, APP_STACK_BYTES},
};
const size_t programs_count = sizeof(programs) / sizeof(programs[0]);
