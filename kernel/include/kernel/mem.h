/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages and heaps. malloc()/free() serve two separate heaps chosen by the calling thread: the app's, which is bounded,
 * and the system's, so that an app that exhausts its heap does not starve the agent.
 */
#ifndef KERNEL_MEM_H
#define KERNEL_MEM_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096

struct mem_stats {
	size_t ram_bytes;                                    /* RAM the kernel manages */
	size_t pages_used_bytes;                             /* pages handed out, heaps included */
	size_t heap_bytes, heap_used_bytes, heap_peak_bytes; /* system heap */
	size_t app_heap_bytes, app_heap_used_bytes, app_heap_peak_bytes;
};
void mem_stats_get(struct mem_stats *stats);

/* `count` zeroed contiguous pages, or NULL. Never freed except by mem_pages_free(). */
void *mem_pages_alloc(size_t count);
void mem_pages_free(void *pages, size_t count);

#endif
