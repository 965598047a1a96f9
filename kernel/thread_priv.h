/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c's own, for mutex.c, the exception handlers and main. Interrupts are masked around every call but thread_init(). */
#ifndef KERNEL_THREAD_PRIV_H
#define KERNEL_THREAD_PRIV_H

#include <stdbool.h>

#include "arch/aarch64/frame.h"
#include "kernel/thread.h"

#define THREADS_MAX   8
#define PRIORITY_BOOT 31 /* main, until everything is set up: threads that it creates do not run before it is done */

enum thread_state { THREAD_UNUSED, THREAD_READY, THREAD_RUNNING, THREAD_WAITING };

struct thread {
	struct frame frame; /* first: TPIDR_EL1 points here while the thread runs */
	const char *name;
	struct thread *next_ready;
	enum thread_state state;
	int base_priority, priority; /* own, and with what mutex waiters lend */
	uint32_t signals, wait_mask;
	uint64_t deadline_ms;
	struct mutex *blocked_on;
	uintptr_t stack_low, stack_high; /* the guard page lies below stack_low */
};

/* The thread that start.S and main run on; its frame is in place before the first C function. */
extern struct thread thread_boot;

/* Adopt the running code as thread "main". */
void thread_init(void);

/* main is done: it becomes the lowest of all and waits for ever. */
_Noreturn void thread_boot_done(void);

/* Pick who runs next: called with the handler's stack at every return from an exception. */
struct frame *thread_schedule(void);

/* Signal, with interrupts masked already. */
void thread_wake(struct thread *thread, uint32_t bits);

/* As thread_wait(), with interrupts masked already. */
uint32_t thread_wait_masked(uint32_t mask, uint64_t deadline_ms);

/* Whether a switch is due since the last thread_schedule(): irq_restore() asks. */
bool thread_switch_due(void);

/* Change the effective priority of a thread in whatever state it is. */
void thread_priority_set(struct thread *thread, int priority);

/* Thread number `index`, or NULL past the last. */
struct thread *thread_at(size_t index);

bool thread_is_app(const struct thread *thread);

/* The name of the stack whose guard page `addr` lies in, or NULL. */
const char *thread_guard_owner(uintptr_t addr);

/* The stack that `addr` lies in. */
bool thread_stack_range(uintptr_t addr, uintptr_t *low, uintptr_t *high);

/* All guard pages, at most `max`; returns how many. */
size_t thread_guards(uintptr_t *pages, size_t max);

/* A thread's entry returned. */
_Noreturn void thread_returned(void);

#endif
