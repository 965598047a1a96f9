/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupt dispatch between the architecture's vector, one interrupt controller and handlers by INTID. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include <stdint.h>

struct irqc_ops {
	void (*enable)(uint32_t intid);
	uint32_t (*ack)(void); /* INTID, or >= 1020 for none */
	void (*eoi)(uint32_t intid);
};

#define IRQ_MAX 256

/* By the interrupt controller's driver, once. */
void irqc_register(const struct irqc_ops *ops);

/* Run `handler(arg)` with interrupts masked whenever `intid` is raised, and enable it. Level or edge as the controller's default. */
void irq_attach(uint32_t intid, void (*handler)(void *arg), void *arg);

/* Called by the vectors. */
void irq_dispatch(void);

/* Mask interrupts on this CPU and return the former state / put it back. */
uint64_t irq_save(void);
void irq_restore(uint64_t state);

#endif
