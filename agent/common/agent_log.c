/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_log.h"

#include <stdarg.h>
#include <stdio.h>

void agent_log(enum agent_level level, const char *fmt, ...)
{
	char line[AGENT_LINE_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	platform_log(level, line);
}
