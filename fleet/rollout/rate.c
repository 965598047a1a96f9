/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/rate.h"

#define RATE_MAX 1000000u /* per minute */

uint32_t rate_now(const struct rate_spec *spec, uint32_t done)
{
	uint64_t max = spec->max_per_minute ? spec->max_per_minute : RATE_MAX, rate = spec->per_minute;

	if (spec->factor_percent > 100 && spec->every > 0)
		/* Rounded up, so that a factor just above 1 does not stand still at a small rate. Ends: it grows by one at least. */
		for (uint32_t steps = done / spec->every; steps > 0 && rate < max; steps--)
			rate = (rate * spec->factor_percent + 99) / 100;
	return (uint32_t)(rate < max ? rate : max);
}

/* One second's worth, at least one start. */
static uint64_t capacity(uint32_t rate)
{
	return rate > 60 ? (uint64_t)rate * 1000 : RATE_START;
}

static uint64_t filled(const struct rate_bucket *bucket, uint32_t rate, int64_t now_ms)
{
	uint64_t passed = now_ms > bucket->at_ms ? (uint64_t)(now_ms - bucket->at_ms) : 0, most = capacity(rate);

	if (passed >= (most + rate - 1) / rate)
		return most;
	uint64_t fill = bucket->fill + passed * rate;
	return fill < most ? fill : most;
}

void rate_begin(struct rate_bucket *bucket, const struct rate_spec *spec, int64_t now_ms)
{
	*bucket = (struct rate_bucket){.fill = capacity(rate_now(spec, 0)), .at_ms = now_ms};
}

int64_t rate_next_ms(const struct rate_bucket *bucket, const struct rate_spec *spec, uint32_t done, int64_t now_ms)
{
	uint32_t rate = rate_now(spec, done);

	if (rate == 0)
		return now_ms;
	uint64_t fill = filled(bucket, rate, now_ms);
	if (fill >= RATE_START)
		return now_ms;
	return now_ms + (int64_t)((RATE_START - fill + rate - 1) / rate);
}

void rate_take(struct rate_bucket *bucket, const struct rate_spec *spec, uint32_t done, int64_t now_ms)
{
	uint32_t rate = rate_now(spec, done);

	bucket->starts++;
	if (rate == 0)
		return;
	uint64_t fill = filled(bucket, rate, now_ms);
	bucket->fill = fill >= RATE_START ? fill - RATE_START : 0;
	if (now_ms > bucket->at_ms)
		bucket->at_ms = now_ms;
}
