/* SPDX-License-Identifier: Apache-2.0 */
/* Monotonic time from the generic timer, wall time from the RTC or set by the agent. */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <stdint.h>

/* Milliseconds and raw counter ticks since power on (CNTVCT; the boot stages count too). */
uint64_t time_now_ms(void);
uint64_t time_ticks(void);
uint64_t time_ticks_per_s(void);

/* Unix seconds; 0 when unknown. time_set_unix_s() corrects it (never backwards by more than the caller means to). */
uint64_t time_unix_s(void);
void time_set_unix_s(uint64_t unix_s);

#endif
