/* SPDX-License-Identifier: Apache-2.0 */
/* What became of worlds that were seen before: from a key and the number of cuts still to come, to how many stories were told from there. */
#ifndef SIMULATE_MEMO_H
#define SIMULATE_MEMO_H

#include "world.h"

struct tally {
	uint64_t tried, failed;
};

enum { MEMO_OPEN = 1, MEMO_DONE = 2 };

struct memo_entry {
	struct world_key key;
	uint8_t cuts, state; /* state 0: new */
	struct tally tally;
};

struct memo;
struct memo *memo_make(void);
void memo_free(struct memo *memo);
void memo_clear(struct memo *memo);
/* Found or added. Valid until the next call. */
struct memo_entry *memo_at(struct memo *memo, struct world_key key, uint8_t cuts);
uint64_t memo_count(const struct memo *memo);

#endif
