/* SPDX-License-Identifier: Apache-2.0 */
/* The boot record as the agent holds it: a copy in memory that never runs ahead of the flash. */
#include <string.h>

#include "core.h"

static int copy_read(void *ctx, unsigned copy, uint8_t sector[OTA_BOOTREC_BYTES])
{
	struct ota *ota = ctx;

	return ota->port->blk_read(ota->ctx, ota->config->boot_record_lba[copy], sector, 1);
}

static int copy_write(void *ctx, unsigned copy, const uint8_t sector[OTA_BOOTREC_BYTES])
{
	struct ota *ota = ctx;

	return ota->port->blk_write(ota->ctx, ota->config->boot_record_lba[copy], sector, 1);
}

static int copies_flush(void *ctx)
{
	struct ota *ota = ctx;

	return ota->port->blk_flush(ota->ctx);
}

static const struct ota_bootrec_ops copies = {copy_read, copy_write, copies_flush};

struct ota_bootrec_slot *record_running(struct ota_bootrec *record, const struct ota_config *config)
{
	struct ota_bootrec_slot *entry = &record->slot[config->running_slot];

	if (entry->state == OTA_SLOT_EMPTY ||
		memcmp(entry->image.digest, config->running.digest, sizeof(config->running.digest)) != 0)
		return NULL;
	return entry;
}

static uint8_t running_state(const struct ota *ota)
{
	const struct ota_bootrec_slot *entry = &ota->record.slot[ota->config->running_slot];

	if (memcmp(entry->image.digest, ota->config->running.digest, sizeof(entry->image.digest)) != 0)
		return OTA_SLOT_EMPTY;
	return entry->state;
}

bool record_is_confirmed(const struct ota *ota)
{
	return ota->record.active == ota->config->running_slot && running_state(ota) == OTA_SLOT_CONFIRMED;
}

bool record_is_trial(const struct ota *ota)
{
	return running_state(ota) == OTA_SLOT_TRIAL;
}

bool record_is_unsettled(const struct ota *ota)
{
	uint8_t state = running_state(ota);

	return state == OTA_SLOT_TRIAL ||
	       (state != OTA_SLOT_CONFIRMED && state != OTA_SLOT_BAD && ota->config->boot_mode != OTA_MODE_SAFE);
}

int record_commit(struct ota *ota, const struct ota_bootrec *next)
{
	struct ota_bootrec record = *next;

	if (ota_bootrec_commit(&copies, ota, &record) != 0) {
		ota_log(ota, OTA_LOG_ERR, "ota: record.write err=E_IO");
		return -OTA_E_IO;
	}
	ota->record = record;
	return 0;
}

/*
 * The boot loader committed the record before it started us, so this is a disk that just lost both copies. What runs was verified by
 * the boot loader in this very start. Whether it was on trial is known; what the other slot holds is not: it stays
 * unknown, for the boot loader a last resort. The confirm mark keeps the floor and the order of later marks.
 */
static void record_rebuild(struct ota *ota)
{
	const struct ota_config *config = ota->config;
	struct ota_bootrec next;
	struct ota_confirm_mark mark;

	ota_bootrec_init(&next);
	for (unsigned slot = 0; slot < OTA_BOOTREC_SLOTS; slot++) {
		uint32_t lba = config->slot[slot].lba + config->slot[slot].sectors - 1;

		if (ota->port->blk_read(ota->ctx, lba, ota->sector, 1) != 0 ||
			ota_confirm_mark_decode(ota->sector, &mark) != 0)
			continue;
		if (mark.seq > next.seq)
			next.seq = mark.seq;
		if (memcmp(mark.digest, config->running.digest, sizeof(mark.digest)) == 0)
			next.min_counter = config->running.counter; /* signed; the mark is only a copy */
	}
	next.last_slot = config->running_slot;
	next.last_mode = config->boot_mode;
	ota_bootrec_writing(&next, (enum ota_slot)config->running_slot, &config->running);
	if (config->boot_mode == OTA_MODE_TRIAL) {
		next.slot[config->running_slot].state = OTA_SLOT_TRIAL;
		next.slot[config->running_slot].tries_left = OTA_BOOTREC_TRIES - 1;
	} else {
		ota_bootrec_confirm(&next, (enum ota_slot)config->running_slot, &config->running);
	}
	ota->record = next;
}

/*
 * A read error may pass, and what it hides is worth more than what can be rebuilt: the tries of a trial, the failed list. So the device
 * runs on without its record for a while. Not for ever: one that stays unreadable would never take an update again, and writing is what
 * mends a worn sector.
 */
int record_load(struct ota *ota)
{
	int error = ota_bootrec_load(&copies, ota, &ota->record);

	if (error == OTA_BOOTREC_UNREADABLE && now_ms(ota) - ota->started_ms < RECORD_UNREAD_MS) {
		ota_log(ota, OTA_LOG_ERR, "ota: record.read err=E_IO");
		return -OTA_E_IO;
	}
	ota->record_known = true;
	if (error == 0)
		return 0;
	record_rebuild(ota);
	ota_log(ota, OTA_LOG_ERR, "ota: record.lost rebuilt_from=running slot=%c",
		slot_letter(ota->config->running_slot));
	if (record_commit(ota, &ota->record) != 0)
		return -OTA_E_IO;
	return -OTA_E_RECORD;
}
