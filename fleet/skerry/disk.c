/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/disk.h"

#include <string.h>
#include <unistd.h>

#include "ota/bootrec.h"

#define SECTOR 512u

/* The boot record's two copies in the draft. */
struct record_place {
	struct file_draft *draft;
	const struct board *board;
	struct fleet_error *error;
};

static int record_read(void *ctx, unsigned copy, uint8_t sector[OTA_BOOTREC_BYTES])
{
	const struct record_place *place = ctx;
	ssize_t got = pread(place->draft->fd, sector, SECTOR, (off_t)place->board->boot_record_lba[copy] * SECTOR);
	return got == SECTOR ? 0 : -1;
}

static int record_write(void *ctx, unsigned copy, const uint8_t sector[OTA_BOOTREC_BYTES])
{
	const struct record_place *place = ctx;
	return file_draft_write(
		place->draft, (uint64_t)place->board->boot_record_lba[copy] * SECTOR, sector, SECTOR, place->error);
}

/* The draft becomes durable as a whole, when it gets its name. */
static int record_flush(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct ota_bootrec_ops record_ops = {.read = record_read, .write = record_write, .flush = record_flush};

/* Slot a confirmed, as the agent would have done it: record, mark, counter. */
static int put_record(struct file_draft *draft, const struct disk_plan *plan, const struct board_area *slot,
	struct fleet_error *error)
{
	struct record_place place = {.draft = draft, .board = plan->board, .error = error};
	const struct ota_manifest *m = &plan->release->manifest;
	struct ota_image image = {.bytes = m->image_bytes, .counter = m->counter};
	struct ota_confirm_mark mark;
	struct ota_bootrec rec;
	uint8_t sector[SECTOR];
	memcpy(image.digest, m->digest, sizeof image.digest);
	memcpy(image.version, m->version, sizeof image.version);
	ota_bootrec_init(&rec);
	ota_bootrec_confirm(&rec, OTA_SLOT_A, &image);
	ota_bootrec_raise_counter(&rec);
	if (ota_bootrec_commit(&record_ops, &place, &rec) != 0 || ota_bootrec_mark(&rec, OTA_SLOT_A, &mark) != 0)
		return -1;
	ota_confirm_mark_encode(&mark, sector);
	return file_draft_write(
		draft, ((uint64_t)slot->lba + slot->sectors - 1) * SECTOR, sector, sizeof sector, error);
}

int disk_fill(struct file_draft *draft, const struct disk_plan *plan, struct fleet_error *error)
{
	const struct board_area *slot = board_area(plan->board, "slot-a"),
				*provision = board_area(plan->board, "provision");
	if (plan->payload->len > (uint64_t)(slot->sectors - 1) * SECTOR)
		return fleet_fail(error, "make the image smaller", "the image has %zu bytes, a slot of %s holds %llu",
			plan->payload->len, plan->board->name, (unsigned long long)(slot->sectors - 1) * SECTOR);
	if (plan->provision->len > (uint64_t)provision->sectors * SECTOR)
		return fleet_fail(
			error, "enlarge 'provision' in the flash map", "the provisioning does not fit into its area");
	if (ftruncate(draft->fd, (off_t)board_disk_sectors(plan->board) * SECTOR) < 0)
		return fleet_fail_errno(error, NULL, "cannot make '%s'", draft->path);
	if (file_draft_write(draft, (uint64_t)slot->lba * SECTOR, plan->payload->data, plan->payload->len, error) < 0)
		return -1;
	if (file_draft_write(
		    draft, (uint64_t)provision->lba * SECTOR, plan->provision->data, plan->provision->len, error) < 0)
		return -1;
	error->cause[0] = 0;
	if (put_record(draft, plan, slot, error) == 0)
		return 0;
	return error->cause[0]
		       ? -1
		       : fleet_fail(error, "is the disk full?", "cannot write the boot record of '%s'", draft->path);
}
