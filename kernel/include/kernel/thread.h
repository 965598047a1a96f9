/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preemptive threads with fixed priorities on one CPU. The highest-priority ready thread runs; equal priorities share
 * by time slice. A thread waits for signal bits with a timeout: the only blocking primitive besides the mutex.
 */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include <stddef.h>
#include <stdint.h>

enum thread_priority { THREAD_IDLE = 0, THREAD_APP = 8, THREAD_AGENT = 16 };

struct thread;

/*
 * Create and start a thread with its own stack of `stack_bytes` (rounded up to pages; an unmapped guard page lies
 * below it). `entry` must not return. Panics when memory is exhausted: threads are made at start only. Thread-local
 * storage (errno) and FP/SIMD state are the thread's own.
 */
struct thread *thread_create(
	const char *name, enum thread_priority priority, size_t stack_bytes, void (*entry)(void *), void *arg);

struct thread *thread_self(void);
const char *thread_name(const struct thread *thread);

/* Highest use of the thread's stack so far, in bytes, and its size. */
size_t thread_stack_peak_bytes(const struct thread *thread);
size_t thread_stack_bytes(const struct thread *thread);

/*
 * Wait until one of `mask`'s bits is signalled to the caller or `deadline_ms` (time_now_ms() scale; UINT64_MAX: none)
 * has passed. Returns the bits that were set, and clears them; 0 on timeout. Bits signalled before the call count.
 */
uint32_t thread_wait(uint32_t mask, uint64_t deadline_ms);

/* Signal `bits` to `thread`. May be called from interrupt handlers. */
void thread_signal(struct thread *thread, uint32_t bits);

void thread_sleep_ms(uint64_t ms);

/* Signal bits by owner, so that waits for different things do not meet. */
enum {
	THREAD_SIG_DEV = 1U << 0,   /* a device driver's request completed */
	THREAD_SIG_NET = 1U << 1,   /* frames arrived */
	THREAD_SIG_APP = 1U << 2,   /* app port */
	THREAD_SIG_MUTEX = 1U << 3, /* mutex handed over */
	THREAD_SIG_EVENT = 1U << 4, /* app events */
};

/* A mutex with priority inheritance of one level; not recursive, not for interrupt handlers. Zero-initialised = free. */
struct mutex {
	struct thread *owner;
	uint32_t waiters;
};
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* What the image runs: a table that the image's build picks by link-time choice of file, started in order. */
struct program {
	const char *name;
	void (*entry)(void *arg);
	enum thread_priority priority;
	size_t stack_bytes;
};
extern const struct program programs[];
extern const size_t programs_count;

#endif
