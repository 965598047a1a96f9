/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/irq.h"

#include <assert.h>
#include <stddef.h>

#include "arch/aarch64/cpu.h"
#include "thread_priv.h"

/* INTIDs from here on are special: 1020..1022 for other worlds, 1023 nothing pending (IHI 0048B §3.2.4). */
#define INTID_SPECIAL 1020

struct irq_handler {
	void (*handler)(void *arg);
	void *arg;
};

static const struct irqc_ops *irqc;
static struct irq_handler handlers[IRQ_MAX];

void irqc_register(const struct irqc_ops *ops)
{
	assert(!irqc);
	irqc = ops;
}

void irq_attach(uint32_t intid, void (*handler)(void *arg), void *arg)
{
	uint64_t state = irq_save();

	assert(irqc && intid < IRQ_MAX && !handlers[intid].handler);
	handlers[intid] = (struct irq_handler){handler, arg};
	irqc->enable(intid);
	irq_restore(state);
}

void irq_dispatch(void)
{
	uint32_t intid;

	while ((intid = irqc->ack()) < INTID_SPECIAL) {
		if (intid < IRQ_MAX && handlers[intid].handler)
			handlers[intid].handler(handlers[intid].arg);
		irqc->eoi(intid);
	}
}

uint64_t irq_save(void)
{
	uint64_t state = cpu_read(daif) & DAIF_I;

	cpu_irq_mask();
	return state;
}

void irq_restore(uint64_t state)
{
	if (state)
		return;
	__asm__ volatile("msr daifclr, #2" ::: "memory");
	/* A thread that was woken in between and outranks the caller runs now, not at the next interrupt. */
	if (thread_switch_due())
		cpu_yield();
}
