/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and who runs. Switches happen in one place only, at the return from an exception: a thread that waits or
 * yields enters by SVC, a preempted one by its interrupt. The ready list is sorted by priority, first come first.
 */
#include "kernel/thread.h"

#include <assert.h>
#include <string.h>

#include "arch/aarch64/cpu.h"
#include "arch/aarch64/mmu.h"
#include "image.h"
#include "kernel/irq.h"
#include "kernel/mem.h"
#include "kernel/panic.h"
#include "kernel/time.h"
#include "thread_priv.h"
#include "time_priv.h"
#include "tls.h"
#include "watchdog_priv.h"

#define SLICE_MS 10

struct thread thread_boot;
static struct thread threads[THREADS_MAX];
static size_t threads_count;
static struct thread *current = &thread_boot;
static struct thread *ready_head;
static uint64_t slice_end_ms;
static bool switch_due;

struct thread *thread_at(size_t index)
{
	if (index == 0)
		return &thread_boot;
	return index <= threads_count ? &threads[index - 1] : NULL;
}

struct thread *thread_self(void)
{
	return current;
}

const char *thread_name(const struct thread *thread)
{
	return thread->name;
}

bool thread_is_app(const struct thread *thread)
{
	return thread->base_priority == THREAD_APP;
}

/* `first`: ahead of its equals (it was preempted and keeps its turn), else behind them. */
static void ready_insert(struct thread *thread, bool first)
{
	struct thread **link = &ready_head;

	while (*link && ((*link)->priority > thread->priority || (!first && (*link)->priority == thread->priority)))
		link = &(*link)->next_ready;
	thread->next_ready = *link;
	*link = thread;
	thread->state = THREAD_READY;
}

static void ready_remove(struct thread *thread)
{
	struct thread **link = &ready_head;

	while (*link != thread)
		link = &(*link)->next_ready;
	*link = thread->next_ready;
}

void thread_wake(struct thread *thread, uint32_t bits)
{
	thread->signals |= bits;
	if (thread->state != THREAD_WAITING || !(thread->signals & thread->wait_mask))
		return;
	ready_insert(thread, false);
	/* An equal does not run at once, but the time slice must begin to count. */
	if (thread->priority >= current->priority)
		switch_due = true;
}

bool thread_switch_due(void)
{
	return switch_due;
}

void thread_priority_set(struct thread *thread, int priority)
{
	if (thread->priority == priority)
		return;
	thread->priority = priority;
	if (thread->state == THREAD_READY) {
		ready_remove(thread);
		ready_insert(thread, false);
	}
	/* Whoever went up may have to run, whoever runs may have gone down. */
	switch_due = true;
}

/* Wakes who waited long enough; returns when the next one will have. */
static uint64_t deadlines_expire(uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;
	struct thread *thread;

	for (size_t i = 0; (thread = thread_at(i)); i++) {
		if (thread->state != THREAD_WAITING || thread->deadline_ms == UINT64_MAX)
			continue;
		if (thread->deadline_ms <= now_ms)
			ready_insert(thread, false);
		else if (thread->deadline_ms < next_ms)
			next_ms = thread->deadline_ms;
	}
	return next_ms;
}

/* Takes the best of the ready list and the running thread. */
static void current_choose(uint64_t now_ms)
{
	bool runs = current->state == THREAD_RUNNING;
	bool slice_over = now_ms >= slice_end_ms;

	if (runs && (!ready_head || ready_head->priority < current->priority ||
			    (ready_head->priority == current->priority && !slice_over)))
		return;
	if (runs)
		ready_insert(current, !slice_over);
	current = ready_head;
	ready_head = current->next_ready;
	current->state = THREAD_RUNNING;
	slice_end_ms = now_ms + SLICE_MS;
}

struct frame *thread_schedule(void)
{
	uint64_t next_ms;

	for (;;) {
		uint64_t now_ms = time_now_ms(), check_ms = watchdog_check(now_ms);

		next_ms = deadlines_expire(now_ms);
		if (check_ms < next_ms)
			next_ms = check_ms;
		if (current->state == THREAD_RUNNING || ready_head) {
			current_choose(now_ms);
			break;
		}
		/* Nobody is ready: sleep here. A masked interrupt still ends WFI, and is then served by hand. */
		time_alarm_set(next_ms);
		cpu_wfi();
		irq_dispatch();
	}
	/* The only periodic interrupt there is: a time slice, and only while an equal waits for its turn. */
	if (ready_head && ready_head->priority == current->priority && slice_end_ms < next_ms)
		next_ms = slice_end_ms;
	time_alarm_set(next_ms);
	switch_due = false;
	return &current->frame;
}

uint32_t thread_wait_masked(uint32_t mask, uint64_t deadline_ms)
{
	uint32_t got;

	while (!(current->signals & mask) && (deadline_ms == UINT64_MAX || time_now_ms() < deadline_ms)) {
		current->wait_mask = mask;
		current->deadline_ms = deadline_ms;
		current->state = THREAD_WAITING;
		cpu_yield();
	}
	got = current->signals & mask;
	current->signals &= ~got;
	return got;
}

uint32_t thread_wait(uint32_t mask, uint64_t deadline_ms)
{
	uint64_t state = irq_save();
	uint32_t got;

	assert(!cpu_in_handler());
	got = thread_wait_masked(mask, deadline_ms);
	irq_restore(state);
	return got;
}

void thread_signal(struct thread *thread, uint32_t bits)
{
	uint64_t state = irq_save();

	thread_wake(thread, bits);
	irq_restore(state);
}

void thread_sleep_ms(uint64_t ms)
{
	uint64_t now_ms = time_now_ms();

	thread_wait(0, ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + ms);
}

struct thread *thread_create(
	const char *name, enum thread_priority priority, size_t stack_bytes, void (*entry)(void *), void *arg)
{
	size_t pages = (stack_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	struct thread *thread;
	uintptr_t guard, tpidr;
	uint64_t state;

	if (threads_count == THREADS_MAX)
		panic(PANIC_OUT_OF_MEMORY, "thread: more than %d threads", THREADS_MAX);
	guard = (uintptr_t)mem_pages_alloc(pages + 1);
	if (!guard)
		panic(PANIC_OUT_OF_MEMORY, "thread: no memory for the stack of %s", name);
	thread = &threads[threads_count];
	thread->name = name;
	thread->base_priority = thread->priority = priority;
	thread->stack_low = guard + PAGE_BYTES;
	thread->stack_high = thread->stack_low + pages * PAGE_BYTES;
	tpidr = tls_place(thread->stack_high);
	frame_init(&thread->frame, entry, arg, tpidr, tpidr);
	state = irq_save();
	mmu_guard(guard);
	threads_count++;
	ready_insert(thread, false);
	switch_due = true;
	irq_restore(state);
	return thread;
}

void thread_init(void)
{
	thread_boot.name = "main";
	thread_boot.state = THREAD_RUNNING;
	thread_boot.base_priority = thread_boot.priority = PRIORITY_BOOT;
	thread_boot.stack_low = (uintptr_t)stack_main_low;
	thread_boot.stack_high = (uintptr_t)stack_main_end;
}

void thread_boot_done(void)
{
	uint64_t state = irq_save();

	thread_boot.base_priority = THREAD_IDLE;
	thread_priority_set(&thread_boot, THREAD_IDLE);
	irq_restore(state);
	for (;;)
		thread_wait(0, UINT64_MAX);
}

void thread_returned(void)
{
	panic(PANIC_ASSERT, "thread: %s returned", current->name);
}

/* A fresh stack is all zero: what is not any more has been used. */
size_t thread_stack_peak_bytes(const struct thread *thread)
{
	const uint64_t *word = (const uint64_t *)thread->stack_low;

	while ((uintptr_t)word < thread->stack_high && *word == 0)
		word++;
	return thread->stack_high - (uintptr_t)word;
}

size_t thread_stack_bytes(const struct thread *thread)
{
	return thread->stack_high - thread->stack_low;
}
