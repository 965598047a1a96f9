/* SPDX-License-Identifier: Apache-2.0 */
/* The boot loader's part: the rules are the product's own (bootrec.c); only the look into a slot is faked. */
#ifndef FAKE_BOOT_H
#define FAKE_BOOT_H

#include <stdbool.h>
#include <stddef.h>

#include "fake_image.h"
#include "ota/ota.h"
#include "ram_flash.h"

/* The flash map of the fake device, in sectors. */
enum {
	FAKE_RECORD_0 = 0,
	FAKE_RECORD_1 = 8,
	FAKE_STATE = 16,
	FAKE_STATE_SECTORS = 64,
	FAKE_SLOT_SECTORS = 100,
	FAKE_SLOT_A = 100,
	FAKE_SLOT_B = 220,
	FAKE_TRUST = 320,
	FAKE_TRUST_SECTORS = 64,
};

struct fake_boot {
	struct ram_flash *flash;
	const struct fake_image *const *images; /* that the boot key signed */
	size_t image_count;
	enum ota_cause reset_cause; /* of the next start */
};

/* What was started. slot OTA_SLOT_NONE: nothing could be, or the power went. */
struct fake_start {
	uint8_t slot, mode;
	struct ota_image image;
};

struct fake_start fake_boot_start(struct fake_boot *boot);
/* A new device: `image` in slot a and no record, as a factory would make it. */
void fake_boot_factory(struct fake_boot *boot, const struct fake_image *image);
/* The record on flash, or an empty one. */
struct ota_bootrec fake_boot_record(struct fake_boot *boot);
int fake_boot_record_put(struct fake_boot *boot, struct ota_bootrec *record);
/* Which image is whole in a slot; NULL: none. */
const struct fake_image *fake_boot_slot_image(const struct fake_boot *boot, unsigned slot);

#endif
