/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program table: the app takes nearly all of its heap, then a thread of the system takes memory of its own, and then
 * the app asks for more than its limit. What both saw is logged as `heaps: …`.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/app.h"
#include "kernel/app_port.h"
#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/thread.h"

#define SIG_APP_FULL (1U << 16)

static struct thread *system_thread;

static void stats_log(const char *when)
{
	struct mem_stats stats;

	mem_stats_get(&stats);
	log_line(LOG_INFO, "heaps: when=%s app=%zu app_limit=%zu system=%zu system_limit=%zu pages=%zu", when,
		stats.app_heap_used_bytes, stats.app_heap_bytes, stats.heap_used_bytes, stats.heap_bytes,
		stats.pages_used_bytes);
}

static void *fill(size_t bytes)
{
	void *memory = malloc(bytes);

	return memory ? memset(memory, 0x5a, bytes) : NULL;
}

int app_main(void)
{
	struct app_heap heap;

	stats_log("start");
	app_heap_get(&heap);
	fill(heap.limit_bytes / 8 * 7);
	stats_log("app-full");
	thread_signal(system_thread, SIG_APP_FULL);
	stats_log("system-full");
	fill(heap.limit_bytes / 4);
	return 0;
}

static void system_entry(void *arg)
{
	struct mem_stats stats;

	(void)arg;
	system_thread = thread_self();
	thread_wait(SIG_APP_FULL, UINT64_MAX);
	mem_stats_get(&stats);
	log_line(LOG_INFO, "heaps: system got=%d beyond=%d", fill(stats.heap_bytes / 8 * 7) != NULL,
		malloc(stats.heap_bytes / 4) != NULL);
	thread_wait(SIG_APP_FULL, UINT64_MAX);
}

const struct program programs[] = {
	{"system", system_entry, THREAD_AGENT, 8192},
	{"app", app_thread, THREAD_APP, APP_STACK_BYTES},
};
const size_t programs_count = sizeof(programs) / sizeof(programs[0]);
