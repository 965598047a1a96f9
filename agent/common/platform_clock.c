/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "platform.h"

uint64_t platform_ticks(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t platform_now_ms(void)
{
	return platform_ticks() / 1000000U;
}

static uint64_t floor_s;

void platform_time_floor(uint64_t unix_s)
{
	floor_s = unix_s;
}

uint64_t platform_unix_s(bool *exact)
{
	uint64_t now = (uint64_t)time(NULL);

	if (exact)
		*exact = now >= floor_s;
	return now >= floor_s ? now : floor_s;
}
