/* SPDX-License-Identifier: Apache-2.0 */
/* Lets something be said once per name and minute. A fixed table: a flood of names makes old ones forgotten, no more. */
#ifndef SKERRYD_THROTTLE_H
#define SKERRYD_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_NAMES    64
#define THROTTLE_PAUSE_MS 60000

struct throttle {
	struct {
		char name[72];
		int64_t until_ms;
	} entries[THROTTLE_NAMES];
	int64_t window_ms; /* begin of the current second */
	unsigned in_window;
};

/* May `kind` (one letter) be said of `name` now? At most four per second in all. */
bool throttle_pass(struct throttle *throttle, char kind, const char *name, int64_t now_ms);

#endif
