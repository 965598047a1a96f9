/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog. One thread, the one that matters, feeds it; a start that does so too late is over. Two stages: first the
 * kernel itself, by the timer's interrupt, ends it in a panic with cause "watchdog", so that a crash record says where it
 * hung. If interrupts are masked or the kernel is too broken for that, the hardware resets the machine a little later:
 * then there is no record, and the boot loader knows the cause.
 */
#ifndef KERNEL_WATCHDOG_H
#define KERNEL_WATCHDOG_H

/* I am alive: at least every two seconds, always by the same thread. Nothing happens on a board without a watchdog. */
void watchdog_feed(void);

#endif
