/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel as drivers see it, on the host: memory from malloc, one thread, a clock that only waiting moves. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "kernel/time.h"

#include "kernel_fake.h"

struct kernel_fake kernel_fake;

void *driver_dma_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (!memory)
		abort();
	return memory;
}

volatile void *driver_map(uint64_t base, uint64_t bytes)
{
	(void)bytes;
	return (volatile void *)(uintptr_t)base;
}

int driver_reg(const struct driver_node *node, unsigned int index, uint64_t *base, uint64_t *bytes)
{
	(void)index;
	*base = (uintptr_t)node->fdt;
	*bytes = 0x200;
	return 0;
}

int driver_irq(const struct driver_node *node, unsigned int index)
{
	(void)node;
	return (int)index + 48;
}

void irq_attach(uint32_t intid, void (*handler)(void *arg), void *arg)
{
	(void)intid;
	kernel_fake.irq_handler = handler;
	kernel_fake.irq_arg = arg;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list args;

	(void)level;
	kernel_fake.log_lines++;
	va_start(args, fmt);
	vsnprintf(kernel_fake.log_last, sizeof(kernel_fake.log_last), fmt, args);
	va_end(args);
}

/* Any address but NULL: the tests run after the scheduler's start. */
struct thread *thread_self(void)
{
	return (struct thread *)&kernel_fake;
}

uint32_t thread_wait(uint32_t mask, uint64_t deadline_ms)
{
	uint32_t bits = kernel_fake.signals & mask;

	kernel_fake.signals &= ~mask;
	if (!bits)
		kernel_fake.now_ms = deadline_ms;
	return bits;
}

void thread_signal(struct thread *thread, uint32_t bits)
{
	(void)thread;
	kernel_fake.signals |= bits;
}

void mutex_lock(struct mutex *mutex)
{
	if (mutex->owner)
		abort();
	mutex->owner = thread_self();
}

void mutex_unlock(struct mutex *mutex)
{
	mutex->owner = NULL;
}

uint64_t time_now_ms(void)
{
	return kernel_fake.now_ms;
}

void dev_register_blk(struct blk_dev *dev)
{
	kernel_fake.blk = dev;
}

void dev_register_net(struct net_dev *dev)
{
	kernel_fake.net = dev;
}

void dev_register_rng(struct rng_dev *dev)
{
	kernel_fake.rng = dev;
}
