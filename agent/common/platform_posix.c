/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "platform.h"

void platform_log(enum agent_level level, const char *line)
{
	static const char names[] = "EWID";

	(void)fprintf(stderr, "%c %s\n", names[level], line);
}
