/* SPDX-License-Identifier: Apache-2.0 */
/* A host platform, without platform_log(), whose monotonic clock runs CLOCK_FACTOR (environment, default 1) times as fast: time limits end sooner, their order stays. */
#include <stdlib.h>
#include <time.h>

#include "platform.h"

static uint64_t factor(void)
{
	static uint64_t value;

	if (value == 0)
		value = getenv("CLOCK_FACTOR") ? strtoull(getenv("CLOCK_FACTOR"), NULL, 10) : 1;
	return value;
}

uint64_t platform_ticks(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t platform_now_ms(void)
{
	return platform_ticks() / 1000000U * factor();
}

static uint64_t real_unix_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec;
}

/* UNIX_EXACT or UNIX_FLOOR in the environment: the time that the device believes, 0: unknown; neither: the real time. */
uint64_t platform_unix_s(bool *exact)
{
	const char *clock = getenv("UNIX_EXACT"), *floor = getenv("UNIX_FLOOR");

	if (exact)
		*exact = !floor;
	if (clock || floor)
		return strtoull(clock ? clock : floor, NULL, 10);
	return real_unix_s();
}

/* What mbedTLS compares certificates with, as the device's C library has it. */
time_t time(time_t *now)
{
	time_t value = (time_t)platform_unix_s(NULL);

	if (now)
		*now = value;
	return value;
}

void platform_time_floor(uint64_t unix_s)
{
	(void)unix_s;
}
