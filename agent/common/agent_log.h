/* SPDX-License-Identifier: Apache-2.0 */
/* printf-like logging for agent/common: one line, truncated at AGENT_LINE_MAX - 1 bytes. */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include "platform.h"

void agent_log(enum agent_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
