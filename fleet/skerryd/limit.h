/* SPDX-License-Identifier: Apache-2.0 */
/* How often each of many may do something: a token bucket per name. A fixed table: a flood of names makes idle ones forgotten, no more. */
#ifndef SKERRYD_LIMIT_H
#define SKERRYD_LIMIT_H

#include <stdint.h>

#define LIMIT_NAMES 512

struct limit {
	uint64_t rate, burst; /* per second; at once */
	struct {
		char name[48];
		uint64_t fill_milli; /* thousandths of what it may do now */
		int64_t at_ms;       /* when that was so */
	} entries[LIMIT_NAMES];
};

/* `name` does it once. 0: it may; else in how many seconds it may. */
unsigned limit_take(struct limit *limit, const char *name, int64_t now_ms);

#endif
