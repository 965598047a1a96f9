/* SPDX-License-Identifier: Apache-2.0 */
#include "backoff.h"

#include "tls.h"

uint32_t backoff_next_ms(struct backoff *backoff)
{
	uint64_t cap = backoff->max_ms;

	if (backoff->attempts < 31 && (uint64_t)backoff->base_ms << backoff->attempts < cap)
		cap = (uint64_t)backoff->base_ms << backoff->attempts;
	if (backoff->attempts < 31)
		backoff->attempts++;
	return tls_random_below((uint32_t)cap + 1);
}

void backoff_reset(struct backoff *backoff)
{
	backoff->attempts = 0;
}
