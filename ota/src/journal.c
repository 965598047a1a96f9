/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal (SPEC §6), region `state`: sector 0 and sector 8 hold two copies of one record, from sector 16 on is the bank:
 * the job's addresses and manifest, written once per job.
 *
 * A commit writes copy 1, flushes, then copy 0, flushes, and the other way round when an earlier cut has spoilt copy 0: any cut leaves
 * one of them whole. A note writes copy 1 only and does not flush: copy 0 stays as the last commit left it. A note may say more than the slot
 * holds, when a cut lost the chunk and kept the note; that is harmless, because nothing is started before the whole slot was read back.
 *
 * The bank is written before the record that names it, whose CRC tells it from a half-written one and from another job's.
 */
#include <string.h>

#include "core.h"
#include "ota/crc32.h"

#define MAGIC "SKJ1"
enum {
	FORMAT = 1,
	PAYLOAD_OFF = 32,
	CRC_OFF = 508,
	COPY_SECTORS = 8,
	BANK_SECTOR = 16,
	URL_SECTORS = OTA_URLS_MAX * OTA_URL_MAX / SECTOR_BYTES,
	ENVELOPE_SECTORS = OTA_MANIFEST_BYTES_MAX / SECTOR_BYTES,
};

/* One walk over the members serves both directions, so that they cannot disagree. */
struct walk {
	uint8_t *at;
	bool reading;
};

static void walk_bytes(struct walk *walk, void *member, size_t len)
{
	if (walk->reading)
		memcpy(member, walk->at, len);
	else
		memcpy(walk->at, member, len);
	walk->at += len;
}

static uint64_t walk_number(struct walk *walk, uint64_t value, size_t len)
{
	uint64_t read = 0;

	for (size_t i = 0; i < len; i++) {
		if (!walk->reading)
			walk->at[i] = (uint8_t)(value >> 8 * i);
		read |= (uint64_t)walk->at[i] << 8 * i;
	}
	walk->at += len;
	return read;
}

static void walk_u8(struct walk *walk, uint8_t *member)
{
	*member = (uint8_t)walk_number(walk, *member, 1);
}

static void walk_u32(struct walk *walk, uint32_t *member)
{
	*member = (uint32_t)walk_number(walk, *member, 4);
}

static void walk_u64(struct walk *walk, uint64_t *member)
{
	*member = walk_number(walk, *member, 8);
}

static void walk_members(struct walk *walk, struct journal *journal)
{
	uint32_t error = (uint32_t)journal->error;

	walk_bytes(walk, journal->job_id, sizeof(journal->job_id));
	walk_u8(walk, &journal->step);
	walk_u8(walk, &journal->outcome);
	walk_u8(walk, &journal->slot);
	walk_u8(walk, &journal->cause);
	walk_u8(walk, &journal->rolled_back);
	walk_u8(walk, &journal->wrong);
	walk_u8(walk, &journal->reboots);
	walk_u32(walk, &journal->job_version);
	walk_u32(walk, &journal->trial_s);
	walk_u32(walk, &error);
	walk_bytes(walk, journal->digest, sizeof(journal->digest));
	walk_u64(walk, &journal->net_bytes);
	walk_u32(walk, &journal->envelope_len);
	walk_u32(walk, &journal->bank_crc);
	walk_bytes(walk, journal->done, sizeof(journal->done));
	journal->error = (int32_t)error;
}

/* `hold` is in the head's reserved bytes: an older agent, which an update or a roll-back may start on this journal, reads it as ever. */
static void journal_encode(struct journal *journal, uint8_t sector[SECTOR_BYTES])
{
	struct walk head = {sector + 4, false}, body = {sector + PAYLOAD_OFF, false}, crc = {sector + CRC_OFF, false};
	uint32_t format = FORMAT, payload_bytes;

	memset(sector, 0, SECTOR_BYTES);
	memcpy(sector, MAGIC, 4);
	walk_members(&body, journal);
	payload_bytes = (uint32_t)(body.at - sector - PAYLOAD_OFF);
	walk_u32(&head, &format);
	walk_u64(&head, &journal->seq);
	walk_u32(&head, &payload_bytes);
	walk_u8(&head, &journal->hold);
	(void)walk_number(&crc, ota_crc32(sector, CRC_OFF), 4);
}

static bool journal_decode(uint8_t sector[SECTOR_BYTES], struct journal *journal)
{
	struct walk head = {sector + 4, true}, body = {sector + PAYLOAD_OFF, true}, crc = {sector + CRC_OFF, true};
	uint32_t format = 0, payload_bytes = 0;

	memset(journal, 0, sizeof(*journal));
	if (memcmp(sector, MAGIC, 4) != 0 || walk_number(&crc, 0, 4) != ota_crc32(sector, CRC_OFF))
		return false;
	walk_u32(&head, &format);
	walk_u64(&head, &journal->seq);
	walk_u32(&head, &payload_bytes);
	walk_u8(&head, &journal->hold);
	walk_members(&body, journal);
	if (format != FORMAT || payload_bytes != (uint32_t)(body.at - sector - PAYLOAD_OFF))
		return false;
	return memchr(journal->job_id, '\0', sizeof(journal->job_id)) && journal->slot < OTA_BOOTREC_SLOTS &&
	       journal->outcome <= OTA_REJECTED && journal->step <= OTA_STEP_CONFIRM &&
	       journal->envelope_len <= OTA_MANIFEST_BYTES_MAX;
}

static uint32_t copy_lba(const struct ota *ota, unsigned copy)
{
	return ota->config->state.lba + copy * COPY_SECTORS;
}

uint32_t journal_sectors(void)
{
	return BANK_SECTOR + URL_SECTORS + ENVELOPE_SECTORS;
}

bool journal_has_job(const struct ota *ota)
{
	return ota->journal.job_id[0] != '\0';
}

int journal_load(struct ota *ota)
{
	struct journal copy;
	bool found = false;

	memset(&ota->journal, 0, sizeof(ota->journal));
	for (unsigned i = 0; i < 2; i++) {
		if (ota->port->blk_read(ota->ctx, copy_lba(ota, i), ota->sector, 1) != 0 ||
			!journal_decode(ota->sector, &copy))
			continue;
		if (!found || copy.seq > ota->journal.seq)
			ota->journal = copy;
		found = true;
	}
	return found ? 0 : -OTA_E_JOURNAL;
}

/* The copy that may be given up first: one that is no use already, else the one that notes are written to. */
static unsigned copy_to_write_first(struct ota *ota)
{
	struct journal copy;

	if (ota->port->blk_read(ota->ctx, copy_lba(ota, 0), ota->sector, 1) != 0 || !journal_decode(ota->sector, &copy))
		return 0;
	return 1;
}

static int copy_commit(struct ota *ota, unsigned copy)
{
	int error = ota->port->blk_write(ota->ctx, copy_lba(ota, copy), ota->sector, 1);

	if (!error)
		error = ota->port->blk_flush(ota->ctx);
	return error;
}

int journal_commit(struct ota *ota)
{
	unsigned first = copy_to_write_first(ota);
	int failed;

	ota->journal.seq++;
	journal_encode(&ota->journal, ota->sector);
	failed = copy_commit(ota, first) != 0;
	failed += copy_commit(ota, 1 - first) != 0;
	if (failed == 2) {
		ota_log(ota, OTA_LOG_ERR, "ota: journal.write err=E_IO");
		return -OTA_E_IO;
	}
	return 0;
}

void journal_note(struct ota *ota)
{
	ota->journal.seq++;
	journal_encode(&ota->journal, ota->sector);
	(void)ota->port->blk_write(ota->ctx, copy_lba(ota, 1), ota->sector, 1);
}

static uint32_t bank_crc(const struct ota *ota)
{
	uint32_t crc[2] = {ota_crc32(ota->bank.urls, sizeof(ota->bank.urls)),
		ota_crc32(ota->bank.envelope, ota->journal.envelope_len)};

	return ota_crc32(crc, sizeof(crc));
}

static uint32_t bank_lba(const struct ota *ota)
{
	return ota->config->state.lba + BANK_SECTOR;
}

static uint32_t bank_sectors(const struct ota *ota)
{
	return URL_SECTORS + (ota->journal.envelope_len + SECTOR_BYTES - 1) / SECTOR_BYTES;
}

int journal_bank_write(struct ota *ota)
{
	ota->journal.bank_crc = bank_crc(ota);
	if (ota->port->blk_write(ota->ctx, bank_lba(ota), &ota->bank, bank_sectors(ota)) != 0 ||
		ota->port->blk_flush(ota->ctx) != 0)
		return -OTA_E_IO;
	return 0;
}

int journal_bank_read(struct ota *ota)
{
	if (ota->journal.envelope_len > OTA_MANIFEST_BYTES_MAX)
		return -OTA_E_JOURNAL;
	if (ota->port->blk_read(ota->ctx, bank_lba(ota), &ota->bank, bank_sectors(ota)) != 0)
		return -OTA_E_IO;
	if (bank_crc(ota) != ota->journal.bank_crc || ota->bank.urls[0][0] == '\0')
		return -OTA_E_JOURNAL;
	for (size_t i = 0; i < OTA_URLS_MAX; i++)
		if (!memchr(ota->bank.urls[i], '\0', OTA_URL_MAX))
			return -OTA_E_JOURNAL;
	return 0;
}

bool chunk_is_done(const struct ota *ota, uint32_t index)
{
	return ota->journal.done[index / 8] & 1u << index % 8;
}

void chunk_set_done(struct ota *ota, uint32_t index, bool done)
{
	uint8_t bit = (uint8_t)(1u << index % 8);

	if (done)
		ota->journal.done[index / 8] |= bit;
	else
		ota->journal.done[index / 8] &= (uint8_t)~bit;
}

uint32_t chunk_first_missing(const struct ota *ota)
{
	uint32_t index = 0;

	while (index < ota->manifest.chunk_count && chunk_is_done(ota, index))
		index++;
	return index;
}
