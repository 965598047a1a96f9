/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/flood.h"

/* FNV-1a, never 0. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325;
	for (; *text; text++)
		value = (value ^ (uint8_t)*text) * 0x100000001b3;
	return value ? value : 1;
}

/* The device's, else the one that was not used for longest, made new. */
static struct flood_bucket *find(struct flood *flood, uint64_t name, int64_t now_ms)
{
	struct flood_bucket *set = flood->sets[name % FLOOD_SETS], *oldest = set;
	for (struct flood_bucket *bucket = set; bucket < set + FLOOD_WAYS; bucket++) {
		if (bucket->name == name)
			return bucket;
		if (bucket->at_ms < oldest->at_ms)
			oldest = bucket;
	}
	*oldest = (struct flood_bucket){.name = name, .fill_milli = flood->burst * 1000, .at_ms = now_ms};
	return oldest;
}

static void fill(const struct flood *flood, struct flood_bucket *bucket, int64_t now_ms)
{
	uint64_t passed_ms = (uint64_t)(now_ms - bucket->at_ms), full = flood->burst * 1000;
	uint64_t missing = full - bucket->fill_milli;
	/* By division: a long pause times the rate would not fit. */
	bucket->fill_milli = passed_ms > missing / flood->rate ? full : bucket->fill_milli + passed_ms * flood->rate;
	bucket->at_ms = now_ms;
}

enum flood_verdict flood_check(struct flood *flood, const char *device, int64_t now_ms)
{
	struct flood_bucket *bucket = find(flood, hash(device), now_ms);
	fill(flood, bucket, now_ms);
	if (bucket->fill_milli >= 1000) {
		bucket->fill_milli -= 1000;
		return FLOOD_TAKE;
	}
	if (now_ms < bucket->told_ms)
		return FLOOD_DROP;
	bucket->told_ms = now_ms + FLOOD_PAUSE_MS;
	return FLOOD_DROP_AND_TELL;
}
