/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device and all that is outside of it: the fake device of tests/fake, what the server of jobs knows, and what an observer who never
 * sleeps remembers. A world is forked at a cut; from then on only what is on the disk and outside of the device counts.
 */
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include "cut.h"
#include "fake/fake_host.h"
#include "scenario.h"

/* What the observer remembers over all starts; bits are 1 << enum sim_image. */
struct monitor {
	uint32_t floor;    /* the highest counter of an image that was active and confirmed, or of a record's floor */
	uint8_t failed;    /* images that a record listed as failed */
	uint8_t confirmed; /* images that were active and confirmed, before or since */
	uint8_t had_record, had_active;
	uint8_t trial_starts[SIM_IMAGES]; /* since it was last confirmed */
	uint8_t ended, quiet;             /* the server knows the outcome; and one more life went by */
	uint8_t outcome, rolled_back, cause, outcome_again, cause_again; /* as told */
	int32_t error, error_again;
};

struct world {
	const struct scenario *scenario;
	struct fake_host host;
	struct monitor monitor;
	uint64_t ops_before; /* of this life */
};

struct world *world_make(void);
void world_free(struct world *world);
/* The device as the scenario finds it. */
void world_set_up(struct world *world, const struct scenario *scenario);
/* `to` is `from` after the power went like this. */
void world_fork(struct world *to, const struct world *from, const struct cut *cut);
/* `to` is `from` as it is between two lives. */
void world_copy(struct world *to, const struct world *from);
/* One life: power on until it resets or nothing more happens. NULL, or the invariant that it broke. */
const char *world_live(struct world *world);

/* What decides the rest of the story: worlds with equal keys have the same future. */
struct world_key {
	uint64_t hash[2];
};
struct world_key world_key(const struct world *world);

#endif
