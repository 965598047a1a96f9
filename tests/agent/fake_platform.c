/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_platform.h"

#include <stdio.h>

#include "platform.h"

uint64_t fake_now_ms = 1000;
unsigned int fake_log_count;
char fake_log_last[200];

uint64_t platform_now_ms(void)
{
	return fake_now_ms;
}

uint64_t platform_ticks(void)
{
	return fake_now_ms * 1000;
}

uint64_t platform_unix_s(bool *exact)
{
	if (exact)
		*exact = true;
	return 1800000000;
}

void platform_time_floor(uint64_t unix_s)
{
	(void)unix_s;
}

void platform_log(enum agent_level level, const char *line)
{
	(void)level;
	fake_log_count++;
	(void)snprintf(fake_log_last, sizeof(fake_log_last), "%s", line);
}
