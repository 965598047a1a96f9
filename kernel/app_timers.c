/* SPDX-License-Identifier: Apache-2.0 */
#include "app_timers.h"

#include "kernel/app.h"

/* Periods beyond this (ten thousand years) would only overflow. */
#define PERIOD_MAX_MS (1ULL << 58)

int app_timers_set(struct app_timers *timers, uint32_t id, uint64_t period_ms, uint64_t now_ms)
{
	if (id >= APP_TIMERS || period_ms > PERIOD_MAX_MS)
		return -APP_E_INVAL;
	timers->period_ms[id] = period_ms;
	timers->next_ms[id] = now_ms + period_ms;
	return 0;
}

static int timer_first(const struct app_timers *timers)
{
	int first = -1;

	for (int id = 0; id < APP_TIMERS; id++)
		if (timers->period_ms[id] && (first < 0 || timers->next_ms[id] < timers->next_ms[first]))
			first = id;
	return first;
}

int app_timers_take(struct app_timers *timers, uint64_t now_ms)
{
	int id = timer_first(timers);
	uint64_t missed;

	if (id < 0 || timers->next_ms[id] > now_ms)
		return -1;
	missed = (now_ms - timers->next_ms[id]) / timers->period_ms[id];
	timers->next_ms[id] += (missed + 1) * timers->period_ms[id];
	return id;
}

uint64_t app_timers_next_ms(const struct app_timers *timers)
{
	int id = timer_first(timers);

	return id < 0 ? UINT64_MAX : timers->next_ms[id];
}
