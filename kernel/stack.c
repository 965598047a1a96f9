/* SPDX-License-Identifier: Apache-2.0 */
/* Which stack an address belongs to: of the threads, and the two that exceptions run on. */
#include "image.h"
#include "kernel/mem.h"
#include "thread_priv.h"

struct stack {
	const char *name;
	uintptr_t low, high;
};

static bool stack_at(size_t index, struct stack *stack)
{
	const struct thread *thread;

	if (index == 0) {
		*stack = (struct stack){"exceptions", (uintptr_t)stack_exception_low, (uintptr_t)stack_exception_end};
		return true;
	}
	if (index == 1) {
		*stack = (struct stack){"emergency", (uintptr_t)stack_emergency_low, (uintptr_t)stack_emergency_end};
		return true;
	}
	thread = thread_at(index - 2);
	if (thread)
		*stack = (struct stack){thread->name, thread->stack_low, thread->stack_high};
	return thread != NULL;
}

const char *thread_guard_owner(uintptr_t addr)
{
	struct stack stack;

	for (size_t i = 0; stack_at(i, &stack); i++)
		if (addr < stack.low && addr >= stack.low - PAGE_BYTES)
			return stack.name;
	return NULL;
}

bool thread_stack_range(uintptr_t addr, uintptr_t *low, uintptr_t *high)
{
	struct stack stack;

	for (size_t i = 0; stack_at(i, &stack); i++) {
		if (addr >= stack.low && addr < stack.high) {
			*low = stack.low;
			*high = stack.high;
			return true;
		}
	}
	return false;
}

size_t thread_guards(uintptr_t *pages, size_t max)
{
	struct stack stack;
	size_t count = 0;

	while (count < max && stack_at(count, &stack))
		pages[count++] = stack.low - PAGE_BYTES;
	return count;
}
