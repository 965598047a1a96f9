/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_WATCHDOG_PRIV_H
#define KERNEL_WATCHDOG_PRIV_H

#include <stdint.h>

/* Take over the one that the boot loader started, or start it. First thing after the drivers. */
void watchdog_take_over(void);

/*
 * Was it fed? Called by the scheduler, interrupts masked, on the exception stack. Returns when to ask again at the latest
 * (time_now_ms() scale), or does not return.
 */
uint64_t watchdog_check(uint64_t now_ms);

#endif
