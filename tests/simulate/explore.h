/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All stories of a scenario with a given number of power cuts. A story is a chain of lives; a cut forks it at a storage operation.
 *
 *   stories(world, n cuts) = sum over every cut in this life of stories(what it leaves, n − 1) + stories(the next life, n)
 *
 * and with no cut left, the chain is followed until the device is at rest. Stories from a world that was met before are not told again but
 * counted (key.c says which worlds are the same); every single cut's own first life is always run.
 */
#ifndef SIMULATE_EXPLORE_H
#define SIMULATE_EXPLORE_H

#include "memo.h"

enum { EXPLORE_CUTS_MAX = 3 };

struct explorer {
	const struct scenario *scenario;
	struct memo *memo;
	uint32_t every; /* of single cuts only each n-th is tried */
	uint32_t nth;
	uint64_t forks;    /* disks that were looked at */
	uint64_t lives;    /* that were run */
	unsigned shown;    /* failures */
	bool stop;         /* at the first failure: the process ends */
	const char *story; /* only single cuts whose text has this, told life by life; NULL: all */
};

/* The whole scenario with no cut; false: it fails. */
bool explore_uncut(struct explorer *explorer);
/* With `cuts` (1 or more) cuts, at every place each. Failures are printed with their story, the first few of them. */
struct tally explore(struct explorer *explorer, unsigned cuts);

#endif
