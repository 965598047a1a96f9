/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_TIME_PRIV_H
#define KERNEL_TIME_PRIV_H

#include <stdint.h>

struct fdt_tree;

/* Attach the interrupt of the generic timer. Panics if there is none: nothing could ever wait. */
void time_init(const struct fdt_tree *tree);

/* Take the wall time from the RTC, where there is one. */
void time_rtc_read(void);

/* Interrupt at `deadline_ms` (time_now_ms() scale), or never (UINT64_MAX); replaces the one before. */
void time_alarm_set(uint64_t deadline_ms);

#endif
