/* SPDX-License-Identifier: Apache-2.0 */
/* A device without storage for the tests of the boot record: what the slots hold, and U-Boot's way through the rules. */
#ifndef TESTS_BOOTREC_WORLD_H
#define TESTS_BOOTREC_WORLD_H

#include "ota/bootrec.h"

/* What U-Boot would find in the slots; a change to it is a change of a slot's content. */
struct world {
	struct ota_slot_seen content[OTA_BOOTREC_SLOTS];
	struct ota_slot_seen seen[OTA_BOOTREC_SLOTS];
	unsigned examined;
};

struct ota_image image_of(uint8_t seed, uint32_t counter);
struct ota_bootrec_slot slot_of(uint8_t seed, enum ota_slot_state state);

/* a confirmed and active, b confirmed. */
struct ota_bootrec confirmed_pair(void);

/* a confirmed and active, b armed. */
struct ota_bootrec trial_pair(void);

/* The slots hold what the record says, and verify. */
struct world world_of(const struct ota_bootrec *rec);

/* The slot's content is refused from now on. */
void spoil(struct world *world, unsigned slot, enum ota_cause cause);

/* U-Boot's loop: examines what the plan asks for. */
struct ota_boot_plan decide(const struct ota_bootrec *rec, struct world *world);

/* One start as U-Boot makes it. */
struct ota_boot_plan boot(struct ota_bootrec *rec, struct world *world, enum ota_cause reset_cause);

/* One start, which must be of `slot` in `mode`. */
void assert_boots(struct ota_bootrec *rec, struct world *world, enum ota_slot slot, enum ota_boot_mode mode);

#endif
