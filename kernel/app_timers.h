/* SPDX-License-Identifier: Apache-2.0 */
/* The app's periodic timers. Times in milliseconds; the caller says what time it is. */
#ifndef KERNEL_APP_TIMERS_H
#define KERNEL_APP_TIMERS_H

#include <stdint.h>

#define APP_TIMERS 8

/* Zero-initialised = none is set. */
struct app_timers {
	uint64_t period_ms[APP_TIMERS], next_ms[APP_TIMERS];
};

/* 0 or -APP_E_INVAL. `period_ms` 0: stop. */
int app_timers_set(struct app_timers *timers, uint32_t id, uint64_t period_ms, uint64_t now_ms);

/* The timer that is due the longest, moved on to its next period after now; -1 when none is due. */
int app_timers_take(struct app_timers *timers, uint64_t now_ms);

/* When the next one is due, UINT64_MAX for never. */
uint64_t app_timers_next_ms(const struct app_timers *timers);

#endif
