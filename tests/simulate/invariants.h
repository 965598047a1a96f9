/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold, whatever happened. Each returns NULL or a sentence about what does not. */
#ifndef SIMULATE_INVARIANTS_H
#define SIMULATE_INVARIANTS_H

#include "world.h"

/* The newest whole copy of the record on these sectors; false: there is none. */
bool record_of(const uint8_t (*sectors)[512], struct ota_bootrec *record);

/* Of a disk that is off; the monitor learns from it. */
const char *invariants_of_disk(struct world *world);
/* Of what the boot loader has just decided, before the image runs. */
const char *invariants_of_start(struct world *world);
/* Of the life that just ended. */
const char *invariants_of_life(struct world *world);
/* When nothing more will happen: the update ended as it should have, and the state is one of the list in README.md. */
const char *invariants_of_rest(struct world *world);

#endif
