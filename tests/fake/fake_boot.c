/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_boot.h"

#include <string.h>

#include "ota/verify.h"

static uint32_t slot_lba(unsigned slot)
{
	return slot == OTA_SLOT_A ? FAKE_SLOT_A : FAKE_SLOT_B;
}

static int copy_read(void *ctx, unsigned copy, uint8_t sector[OTA_BOOTREC_BYTES])
{
	return ram_flash_read(ctx, copy ? FAKE_RECORD_1 : FAKE_RECORD_0, sector, 1);
}

static int copy_write(void *ctx, unsigned copy, const uint8_t sector[OTA_BOOTREC_BYTES])
{
	return ram_flash_write(ctx, copy ? FAKE_RECORD_1 : FAKE_RECORD_0, sector, 1);
}

static int copies_flush(void *ctx)
{
	return ram_flash_flush(ctx);
}

static const struct ota_bootrec_ops ops = {copy_read, copy_write, copies_flush};

const struct fake_image *fake_boot_slot_image(const struct fake_boot *boot, unsigned slot)
{
	const uint8_t *data = boot->flash->now[slot_lba(slot)];

	for (size_t i = 0; i < boot->image_count; i++)
		if (memcmp(boot->images[i]->data, data, boot->images[i]->image.bytes) == 0)
			return boot->images[i];
	return NULL;
}

static void examine(const struct fake_boot *boot, unsigned slot, struct ota_slot_seen *seen)
{
	const struct fake_image *image = fake_boot_slot_image(boot, slot);

	memset(seen, 0, sizeof(*seen));
	seen->view = OTA_VIEW_REFUSED;
	seen->cause = OTA_CAUSE_SIGNATURE_REFUSED;
	if (!image)
		return;
	seen->view = OTA_VIEW_VERIFIED;
	seen->cause = OTA_CAUSE_NONE;
	seen->image = image->image;
	seen->has_mark =
		ota_confirm_mark_decode(boot->flash->now[slot_lba(slot) + FAKE_SLOT_SECTORS - 1], &seen->mark) == 0;
}

/*
 * As the hook does it: a trial whose try cannot be taken does not start, a confirmed image does. A record that could not be read is not
 * overwritten.
 */
static bool record_start(struct fake_boot *boot, struct ota_bootrec *record, struct ota_slot_seen *seen,
	const struct ota_boot_plan *plan, bool unreadable)
{
	struct ota_bootrec before = *record;

	ota_bootrec_start(record, seen, plan);
	if (unreadable)
		return true;
	if (ota_bootrec_commit(&ops, boot->flash, record) == 0 || plan->mode != OTA_MODE_TRIAL)
		return true;
	*record = before;
	seen[plan->slot].view = OTA_VIEW_REFUSED;
	seen[plan->slot].cause = OTA_CAUSE_RECORD_UNWRITABLE;
	return false;
}

struct fake_start fake_boot_start(struct fake_boot *boot)
{
	struct ota_slot_seen seen[OTA_BOOTREC_SLOTS] = {{0}};
	struct fake_start start = {.slot = OTA_SLOT_NONE};
	struct ota_boot_plan plan;
	struct ota_bootrec record;
	int error = OTA_BOOTREC_UNREADABLE;

	for (unsigned i = 0; i < 6 && error == OTA_BOOTREC_UNREADABLE; i++)
		error = ota_bootrec_load(&ops, boot->flash, &record);
	if (error != 0) {
		examine(boot, 0, &seen[0]);
		examine(boot, 1, &seen[1]);
		ota_bootrec_recover(&record, seen);
	}
	ota_bootrec_begin(&record, boot->reset_cause);
	boot->reset_cause = OTA_CAUSE_NONE;
	for (;;) {
		plan = ota_bootrec_plan(&record, seen);
		if (plan.step == OTA_BOOT_NOTHING)
			return start;
		if (plan.step == OTA_BOOT_EXAMINE)
			examine(boot, plan.slot, &seen[plan.slot]);
		else if (record_start(boot, &record, seen, &plan, error == OTA_BOOTREC_UNREADABLE))
			break;
	}
	start.slot = plan.slot;
	start.mode = plan.mode;
	start.image = seen[plan.slot].image;
	return start;
}

void fake_boot_factory(struct fake_boot *boot, const struct fake_image *image)
{
	memcpy(boot->flash->now[FAKE_SLOT_A], image->data, image->image.bytes);
	memcpy(boot->flash->durable, boot->flash->now, sizeof(boot->flash->durable));
}

struct ota_bootrec fake_boot_record(struct fake_boot *boot)
{
	struct ota_bootrec record;

	(void)!ota_bootrec_load(&ops, boot->flash, &record);
	return record;
}

int fake_boot_record_put(struct fake_boot *boot, struct ota_bootrec *record)
{
	return ota_bootrec_commit(&ops, boot->flash, record);
}
