/* SPDX-License-Identifier: Apache-2.0 */
/* Starts per minute: a bucket that fills evenly and holds one second's worth, at least one start. Pure, whole numbers only. */
#ifndef ROLLOUT_RATE_H
#define ROLLOUT_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_START                                                                                                     \
	(60 * 1000) /* one start, in units of the bucket: a rate of one per minute brings one unit per millisecond */

struct rate_spec {
	uint32_t per_minute;     /* 0: no limit */
	uint32_t factor_percent; /* 100 or less: constant */
	uint32_t every;          /* devices after which the factor applies again */
	bool on_succeeded;       /* … that succeeded, else that were started */
	uint32_t max_per_minute; /* 0: 1,000,000 */
};

struct rate_bucket {
	uint64_t fill;   /* ≤ what it holds */
	int64_t at_ms;   /* when it was last filled */
	uint32_t starts; /* ever */
};

/* Starts per minute after `done` devices. */
uint32_t rate_now(const struct rate_spec *spec, uint32_t done);

/* Begin full: the first start need not wait. */
void rate_begin(struct rate_bucket *bucket, const struct rate_spec *spec, int64_t now_ms);

/* When the next start is allowed: now_ms, or later. A clock that went back brings nothing. */
int64_t rate_next_ms(const struct rate_bucket *bucket, const struct rate_spec *spec, uint32_t done, int64_t now_ms);

/* Take one start. */
void rate_take(struct rate_bucket *bucket, const struct rate_spec *spec, uint32_t done, int64_t now_ms);

#endif
