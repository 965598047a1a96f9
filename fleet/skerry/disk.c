/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/disk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ota/bootrec.h"
#include "skerry/cli.h"
#include "skerry/fit_verify.h"

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

/* ---- the order ---- */

/* What goes to the factory must be beyond doubt: signed by us, for this board, complete. */
static int check_image(const struct home *home, const struct disk_order *order, const struct release *release,
	const struct file_bytes *payload, struct fleet_error *error)
{
	struct fit_info info;
	if (release_verify(release, home) != RELEASE_TRUSTED)
		return fleet_fail(error, "sign the image with `skerry image sign`",
			"'%s' is not signed by the release keys of '%s' that count", order->image, home->dir);
	if (fit_read(release->manifest.uri, payload, &info, error) < 0)
		return -1;
	if (memcmp(info.digest, release->manifest.digest, 32) != 0)
		return fleet_fail(error, "sign it again, or restore the right file",
			"'%s' is not the image that '%s' names", release->manifest.uri, order->image);
	if (strcmp(info.board, order->board->name) != 0)
		return fleet_fail(error, "build the image for this board", "'%s' is for board %s, the device is a %s",
			order->image, info.board, order->board->name);
	if (fit_verify(payload, home_path(home, HOME_BOOT_CERT).text) == FIT_NOT_OURS)
		cli_warn("'%s' is not signed by the boot key of '%s'; a boot loader that has this key will refuse it",
			release->manifest.uri, home->dir);
	return 0;
}

int disk_draft(
	const struct home *home, const struct disk_order *order, struct file_draft *draft, struct fleet_error *error)
{
	struct release release;
	struct file_bytes payload = {0};
	if (release_load(order->image, &release, error) < 0)
		return -1;
	char *path = release_payload_path(order->image, &release);
	int rc = path ? file_read(path, FIT_BYTES_MAX, &payload, error) : fleet_fail(error, NULL, "out of memory");
	free(path);
	if (rc == 0)
		rc = check_image(home, order, &release, &payload, error);
	const struct disk_plan plan = {
		.board = order->board, .release = &release, .payload = &payload, .provision = order->provision};
	if (rc == 0)
		rc = file_draft_open(draft, order->disk, 0600, error);
	if (rc == 0)
		rc = disk_fill(draft, &plan, error);
	file_bytes_free(&payload);
	release_free(&release);
	return rc;
}
