/* SPDX-License-Identifier: Apache-2.0 */
/* The slot that does not run: made ours, written chunk by chunk, read back. */
#include <assert.h>
#include <string.h>

#include "core.h"

uint8_t slot_target(const struct ota *ota)
{
	return ota->config->running_slot == OTA_SLOT_A ? OTA_SLOT_B : OTA_SLOT_A;
}

static uint32_t mark_lba(const struct ota *ota, unsigned slot)
{
	return ota->config->slot[slot].lba + ota->config->slot[slot].sectors - 1;
}

/* Zeroing the mark is a matter of order in the flash, not of safety: a mark counts only for the digest that it names. */
static int mark_zero(struct ota *ota, unsigned slot)
{
	memset(ota->sector, 0, SECTOR_BYTES);
	if (ota->port->blk_write(ota->ctx, mark_lba(ota, slot), ota->sector, 1) != 0 ||
		ota->port->blk_flush(ota->ctx) != 0)
		return -OTA_E_IO;
	return 0;
}

static bool entry_is_ours(const struct ota *ota, const struct ota_bootrec_slot *entry)
{
	return entry->state == OTA_SLOT_WRITING &&
	       memcmp(entry->image.digest, ota->manifest.digest, sizeof(entry->image.digest)) == 0;
}

static struct ota_image image_announced(const struct ota_manifest *manifest)
{
	struct ota_image image = {.bytes = manifest->image_bytes, .counter = manifest->counter};

	memcpy(image.digest, manifest->digest, sizeof(image.digest));
	memcpy(image.version, manifest->version, sizeof(image.version));
	return image;
}

/*
 * The record says `writing` before the first byte of the slot changes, so whatever a cut leaves there is never taken for
 * what it was. If the slot was the active one (the boot loader started the other because this one kept dying), the
 * running image, which was confirmed once, becomes active in the same commit: the device is never without one.
 */
int slot_begin(struct ota *ota)
{
	struct ota_image image = image_announced(&ota->manifest);
	uint8_t slot = slot_target(ota);
	struct ota_bootrec next = ota->record;
	int error;

	if (!entry_is_ours(ota, &next.slot[slot])) {
		const struct ota_bootrec_slot *running = record_running(&next, ota->config);

		if (next.active == slot && running && running->state == OTA_SLOT_CONFIRMED)
			ota_bootrec_confirm(&next, (enum ota_slot)ota->config->running_slot, &ota->config->running);
		ota_bootrec_writing(&next, (enum ota_slot)slot, &image);
		error = record_commit(ota, &next);
		if (error)
			return error;
	}
	return mark_zero(ota, slot);
}

static uint32_t chunk_lba(const struct ota *ota, uint32_t index)
{
	return ota->config->slot[slot_target(ota)].lba +
	       (uint32_t)((uint64_t)index * ota->manifest.chunk_bytes / SECTOR_BYTES);
}

static uint32_t chunk_sectors(const struct ota *ota, uint32_t index)
{
	return (ota_manifest_chunk_len(&ota->manifest, index) + SECTOR_BYTES - 1) / SECTOR_BYTES;
}

int slot_chunk_read(struct ota *ota, uint32_t index)
{
	assert(index < ota->manifest.chunk_count);
	if (ota->port->blk_read(ota->ctx, chunk_lba(ota, index), ota->chunk, chunk_sectors(ota, index)) != 0)
		return -OTA_E_IO;
	return 0;
}

bool slot_chunk_matches(const struct ota *ota, uint32_t index)
{
	uint8_t digest[OTA_SHA256_BYTES];

	ota_sha256(ota->chunk, ota_manifest_chunk_len(&ota->manifest, index), digest);
	return memcmp(digest, ota->manifest.chunk_digests + (size_t)index * OTA_SHA256_BYTES, sizeof(digest)) == 0;
}

/* The rest of the image's last sector is zeroed, so that nothing of an older image stays behind it. */
int slot_chunk_write(struct ota *ota, uint32_t index)
{
	uint32_t len = ota_manifest_chunk_len(&ota->manifest, index), sectors = chunk_sectors(ota, index);
	int error;

	assert(ota->record.slot[slot_target(ota)].state == OTA_SLOT_WRITING);
	memset(ota->chunk + len, 0, (size_t)sectors * SECTOR_BYTES - len);
	if (ota->port->blk_write(ota->ctx, chunk_lba(ota, index), ota->chunk, sectors) != 0)
		return -OTA_E_IO;
	memset(ota->chunk, 0, len); /* a read that does nothing must not pass */
	error = slot_chunk_read(ota, index);
	if (error)
		return error;
	return slot_chunk_matches(ota, index) ? 0 : -OTA_E_READBACK;
}

static bool mark_read(struct ota *ota, unsigned slot, struct ota_confirm_mark *mark)
{
	return ota->port->blk_read(ota->ctx, mark_lba(ota, slot), ota->sector, 1) == 0 &&
	       ota_confirm_mark_decode(ota->sector, mark) == 0;
}

/* The right image is not enough: should the record be lost, the slot with the later mark is taken as the active one. */
bool slot_mark_is_current(struct ota *ota, unsigned slot)
{
	struct ota_confirm_mark mark, other;

	if (!mark_read(ota, slot, &mark) ||
		memcmp(mark.digest, ota->record.slot[slot].image.digest, sizeof(mark.digest)) != 0)
		return false;
	return !mark_read(ota, 1 - slot, &other) || mark.seq > other.seq;
}

int slot_mark_write(struct ota *ota, unsigned slot)
{
	struct ota_confirm_mark mark, other;

	if (ota_bootrec_mark(&ota->record, (enum ota_slot)slot, &mark) != 0)
		return -OTA_E_IO;
	/* A record that was made anew while the other slot did not verify does not know of its mark. */
	if (mark_read(ota, 1 - slot, &other) && other.seq >= mark.seq)
		mark.seq = other.seq + 1;
	ota_confirm_mark_encode(&mark, ota->sector);
	if (ota->port->blk_write(ota->ctx, mark_lba(ota, slot), ota->sector, 1) != 0 ||
		ota->port->blk_flush(ota->ctx) != 0)
		return -OTA_E_IO;
	return slot_mark_is_current(ota, slot) ? 0 : -OTA_E_READBACK;
}
