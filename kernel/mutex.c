/* SPDX-License-Identifier: Apache-2.0 */
/* A released mutex is handed to its best waiter, so nobody starves; its owner runs at least at its waiters' priority. */
#include <assert.h>

#include "arch/aarch64/cpu.h"
#include "kernel/irq.h"
#include "kernel/thread.h"
#include "thread_priv.h"

static struct thread *best_waiter(const struct mutex *mutex)
{
	struct thread *best = NULL, *thread;

	for (size_t i = 0; (thread = thread_at(i)); i++)
		if (thread->blocked_on == mutex && (!best || thread->priority > best->priority))
			best = thread;
	return best;
}

/* Own priority, or what the waiters for any mutex of this thread lend it. */
static void priority_update(struct thread *owner)
{
	int priority = owner->base_priority;
	struct thread *thread;

	for (size_t i = 0; (thread = thread_at(i)); i++)
		if (thread->blocked_on && thread->blocked_on->owner == owner && thread->priority > priority)
			priority = thread->priority;
	thread_priority_set(owner, priority);
}

void mutex_lock(struct mutex *mutex)
{
	struct thread *self = thread_self();
	uint64_t state = irq_save();

	assert(!cpu_in_handler());
	assert(mutex->owner != self);
	if (!mutex->owner) {
		mutex->owner = self;
	} else {
		mutex->waiters++;
		self->blocked_on = mutex;
		priority_update(mutex->owner);
		while (mutex->owner != self)
			thread_wait_masked(THREAD_SIG_MUTEX, UINT64_MAX);
	}
	irq_restore(state);
}

void mutex_unlock(struct mutex *mutex)
{
	struct thread *self = thread_self(), *next;
	uint64_t state = irq_save();

	assert(mutex->owner == self);
	next = best_waiter(mutex);
	mutex->owner = next;
	if (next) {
		mutex->waiters--;
		next->blocked_on = NULL;
		priority_update(next);
		thread_wake(next, THREAD_SIG_MUTEX);
	}
	priority_update(self);
	irq_restore(state);
}
