/* SPDX-License-Identifier: Apache-2.0 */
/* malloc() and its kin over two heaps: by the calling thread when memory is taken, by the address when it comes back. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "kernel/irq.h"
#include "kernel/panic.h"
#include "mem_priv.h"
#include "thread_priv.h"

/* Shares of the free RAM, within limits: the system's heap serves TLS, MQTT and lwIP; pages stay for DMA and stacks. */
#define SYSTEM_SHARE     4
#define SYSTEM_MAX_BYTES (8UL << 20)
#define APP_SHARE        8
#define APP_MAX_BYTES    (4UL << 20)

static struct heap system_heap, app_heap;

static size_t share(size_t bytes, size_t part, size_t max)
{
	bytes = bytes / part & ~(size_t)(PAGE_BYTES - 1);
	return bytes < max ? bytes : max;
}

static void heap_make(struct heap *heap, size_t bytes, uint32_t secret)
{
	void *start = mem_pages_take(bytes / PAGE_BYTES);

	if (!start)
		panic(PANIC_OUT_OF_MEMORY, "mem: no room for a heap of %zu bytes", bytes);
	heap_init(heap, start, bytes, secret);
}

void malloc_init(uint32_t secret)
{
	struct mem_stats stats;
	size_t free_bytes;

	mem_stats_get(&stats);
	free_bytes = stats.ram_bytes - stats.pages_used_bytes;
	heap_make(&system_heap, share(free_bytes, SYSTEM_SHARE, SYSTEM_MAX_BYTES), secret);
	heap_make(&app_heap, share(free_bytes, APP_SHARE, APP_MAX_BYTES), ~secret);
}

void malloc_stats_get(struct mem_stats *stats)
{
	stats->heap_bytes = system_heap.end - system_heap.start;
	stats->heap_used_bytes = system_heap.used_bytes;
	stats->heap_peak_bytes = system_heap.peak_bytes;
	stats->app_heap_bytes = app_heap.end - app_heap.start;
	stats->app_heap_used_bytes = app_heap.used_bytes;
	stats->app_heap_peak_bytes = app_heap.peak_bytes;
}

static void *take(size_t align, size_t bytes)
{
	bool app = thread_is_app(thread_self());
	uint64_t state = irq_save();
	void *ptr = heap_alloc(app ? &app_heap : &system_heap, align, bytes);

	irq_restore(state);
	if (ptr)
		return ptr;
	/* The app's limit is a promise that app.h makes; the system's callers handle NULL. */
	if (app)
		panic(PANIC_HEAP_EXHAUSTED, "heap: app asked for %zu bytes, %zu of %zu in use", bytes,
			app_heap.used_bytes, (size_t)(app_heap.end - app_heap.start));
	errno = ENOMEM;
	return NULL;
}

static void complain(int error, const void *ptr)
{
	static const char *const what[] = {
		[HEAP_E_WILD] = "no block",
		[HEAP_E_DOUBLE] = "double free",
		[HEAP_E_OVERRUN] = "overrun",
	};

	if (error < 0)
		panic(PANIC_ASSERT, "heap: %s at %p", what[-error], ptr);
}

static struct heap *heap_of(const void *ptr)
{
	return heap_owns(&app_heap, ptr) ? &app_heap : &system_heap;
}

void *malloc(size_t bytes)
{
	return take(HEAP_ALIGN, bytes);
}

void *calloc(size_t count, size_t bytes)
{
	size_t total;
	void *ptr;

	if (__builtin_mul_overflow(count, bytes, &total))
		total = SIZE_MAX;
	ptr = take(HEAP_ALIGN, total);
	return ptr ? memset(ptr, 0, total) : NULL;
}

void free(void *ptr)
{
	uint64_t state;
	int rc;

	if (!ptr)
		return;
	state = irq_save();
	rc = heap_free(heap_of(ptr), ptr);
	irq_restore(state);
	complain(rc, ptr);
}

void *realloc(void *ptr, size_t bytes)
{
	uint64_t state;
	void *fresh;
	int rc;

	if (!ptr)
		return malloc(bytes);
	state = irq_save();
	rc = heap_resize(heap_of(ptr), ptr, bytes);
	irq_restore(state);
	complain(rc, ptr);
	if (rc > 0)
		return ptr;
	fresh = malloc(bytes);
	if (!fresh)
		return NULL;
	memcpy(fresh, ptr, heap_size(ptr) < bytes ? heap_size(ptr) : bytes);
	free(ptr);
	return fresh;
}

void *memalign(size_t align, size_t bytes)
{
	if (align == 0 || align & (align - 1)) {
		errno = EINVAL;
		return NULL;
	}
	return take(align < HEAP_ALIGN ? HEAP_ALIGN : align, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
	return memalign(align, bytes);
}
