/* SPDX-License-Identifier: Apache-2.0 */
/* What agent/common needs of its surroundings besides streams: time and a place for log lines. One file per platform defines it. */
#ifndef AGENT_PLATFORM_H
#define AGENT_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

enum agent_level { AGENT_ERR, AGENT_WARN, AGENT_INFO, AGENT_DEBUG };

#define AGENT_LINE_MAX 200 /* bytes of a log line, with its NUL */

/* Milliseconds, monotonic. */
uint64_t platform_now_ms(void);

/* Raw counter ticks since power on, for timelines; on a host nanoseconds. */
uint64_t platform_ticks(void);

/* Unix seconds, 0: unknown. `*exact` (may be NULL): true from a clock; false when it is only a floor: "at least so late". */
uint64_t platform_unix_s(bool *exact);

/* Provisioning says that it is at least so late: a clock behind it is set to it, and is then a floor. */
void platform_time_floor(uint64_t unix_s);

/* One line, `area: event key=value`, without newline. */
void platform_log(enum agent_level level, const char *line);

#endif
