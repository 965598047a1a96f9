/* SPDX-License-Identifier: Apache-2.0 */
/* Waits between attempts: full jitter under a doubling cap, without a limit on their number, so that a fleet does not come back in step. */
#ifndef AGENT_BACKOFF_H
#define AGENT_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t base_ms, max_ms; /* cap of the first wait and of the longest */
	uint32_t attempts;
};

/* The next wait: uniform in [0, min(max_ms, base_ms * 2^attempts)]. Counts the attempt. */
uint32_t backoff_next_ms(struct backoff *backoff);

void backoff_reset(struct backoff *backoff);

#endif
