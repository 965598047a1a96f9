/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many messages a device may send: a token bucket each, so that one that floods costs the others nothing but a look at its topic. A fixed table: what a
 * device did is forgotten when others of its set speak, which one that floods never lets happen to itself.
 */
#ifndef SKERRYD_FLOOD_H
#define SKERRYD_FLOOD_H

#include <stdint.h>

#define FLOOD_SETS     512
#define FLOOD_WAYS     4
#define FLOOD_PAUSE_MS 3600000

struct flood {
	uint64_t rate, burst; /* messages per second, at once */
	struct flood_bucket {
		uint64_t name;       /* hash of the device's id; 0: free */
		uint64_t fill_milli; /* thousandths of what it may send now */
		int64_t at_ms;       /* when that was so */
		int64_t told_ms;     /* until then it need not be told again */
	} sets[FLOOD_SETS][FLOOD_WAYS];
};

enum flood_verdict { FLOOD_TAKE = 1, FLOOD_DROP, FLOOD_DROP_AND_TELL /* the first of an hour */ };

/* One message of `device` at `now_ms`, a clock that only goes forward. */
enum flood_verdict flood_check(struct flood *flood, const char *device, int64_t now_ms);

#endif
