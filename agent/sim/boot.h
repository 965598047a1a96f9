/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot loader of a simulated device: the rules are the product's own (ota/bootrec.h); a slot's content is read as a FIT, its digest computed,
 * its counter and version taken from it. The boot key's signature is not checked: that is U-Boot's, tested with the real one.
 */
#ifndef SIM_BOOT_H
#define SIM_BOOT_H

#include "flash.h"
#include "ota/ota.h"

/* Where things are on a simulated device. */
struct sim_map {
	uint32_t boot_record_lba[2];
	struct ota_range state, trust, provision, slot[2];
	uint32_t sectors;
};
/* With two slots of `slot_sectors`. */
struct sim_map sim_map_of(uint32_t slot_sectors);

/* What was started; slot OTA_SLOT_NONE: nothing could be. */
struct sim_start {
	uint8_t slot, mode;
	uint32_t boots;
	struct ota_image image;
};

/* A start: picks the slot, notes it in the record. `reset_cause` as in ota_bootrec_begin(). */
struct sim_start sim_boot_start(struct sim_flash *flash, const struct sim_map *map, enum ota_cause reset_cause);

#endif
