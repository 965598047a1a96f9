/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When two worlds are the same: all that a start may read, as the product's own rules read it. A copy of record, mark, journal or trust that is not whole
 * is lost, whatever its bytes are; of sequence numbers only the order counts, of a chunk only which images' it is. The count of starts ever
 * is left out. Everything else counts byte by byte.
 */
#include <string.h>

#include "invariants.h"
#include "ota/crc32.h"
#include "world.h"

enum { MARK_SECTOR = FAKE_SLOT_SECTORS - 1, JOURNAL_COPY_SECTORS = 8, CRC_OFF = 508, SEQ_OFF = 8 };

static void add(struct world_key *key, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint64_t word;

	for (; len > 0; bytes += sizeof(word)) {
		size_t n = len < sizeof(word) ? len : sizeof(word);

		word = 0;
		memcpy(&word, bytes, n);
		len -= n;
		key->hash[0] = (key->hash[0] ^ word) * 0x9e3779b97f4a7c15u;
		key->hash[0] ^= key->hash[0] >> 29;
		key->hash[1] = (key->hash[1] + word) * 0xc2b2ae3d27d4eb4fu;
		key->hash[1] ^= key->hash[1] >> 31;
	}
}

/* How many of the others are lower. */
static uint8_t rank(const uint64_t *seqs, unsigned count, unsigned which)
{
	uint8_t lower = 0;

	for (unsigned i = 0; i < count; i++)
		lower += seqs[i] < seqs[which];
	return lower;
}

static void records_add(struct world_key *key, const struct world *world)
{
	const uint8_t(*now)[512] = (const uint8_t(*)[512])world->host.flash.now;
	const uint8_t *sectors[4] = {
		now[FAKE_RECORD_0], now[FAKE_RECORD_1], now[FAKE_SLOT_A + MARK_SECTOR], now[FAKE_SLOT_B + MARK_SECTOR]};
	struct ota_bootrec record[2];
	struct ota_confirm_mark mark[2];
	uint64_t seqs[4] = {0};
	uint8_t bytes[512];

	for (unsigned i = 0; i < 2; i++) {
		if (ota_bootrec_decode(sectors[i], &record[i]) == 0)
			seqs[i] = record[i].seq;
		if (ota_confirm_mark_decode(sectors[2 + i], &mark[i]) == 0)
			seqs[2 + i] = mark[i].seq;
	}
	for (unsigned i = 0; i < 4; i++) {
		uint8_t order = rank(seqs, 4, i);

		add(key, &order, 1);
		if (seqs[i] == 0)
			continue;
		memcpy(bytes, sectors[i], sizeof(bytes));
		memset(bytes + SEQ_OFF, 0, 8);
		memset(bytes + CRC_OFF, 0, 4);
		if (i < 2)
			memset(bytes + 20, 0, 4); /* starts ever */
		add(key, bytes, sizeof(bytes));
	}
}

static bool journal_is_whole(const uint8_t *sector)
{
	uint32_t crc;

	memcpy(&crc, sector + CRC_OFF, sizeof(crc));
	return crc == ota_crc32(sector, CRC_OFF);
}

/* Two copies of a sector with a sequence number: the order, and what is whole but for number and CRC. */
static void copies_add(struct world_key *key, const uint8_t *const sectors[2], bool (*is_whole)(const uint8_t *sector))
{
	uint64_t seqs[2] = {0};
	uint8_t bytes[512];

	for (unsigned i = 0; i < 2; i++)
		if (is_whole(sectors[i]))
			memcpy(&seqs[i], sectors[i] + SEQ_OFF, 8);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t order = rank(seqs, 2, i);

		add(key, &order, 1);
		if (seqs[i] == 0)
			continue;
		memcpy(bytes, sectors[i], sizeof(bytes));
		memset(bytes + SEQ_OFF, 0, 8);
		memset(bytes + CRC_OFF, 0, 4);
		add(key, bytes, sizeof(bytes));
	}
}

static void journal_add(struct world_key *key, const struct world *world)
{
	const uint8_t(*now)[512] = (const uint8_t(*)[512])world->host.flash.now;

	copies_add(key, (const uint8_t *const[]){now[FAKE_STATE], now[FAKE_STATE + JOURNAL_COPY_SECTORS]},
		journal_is_whole);
}

static bool is_slot(uint32_t lba, uint32_t first)
{
	return lba >= first && lba - first < FAKE_SLOT_SECTORS;
}

/* All that is nothing of the above, as it is: the journal's bank, and whatever else will be kept there. */
static void others_add(struct world_key *key, const struct world *world)
{
	static const uint8_t zeroes[512];

	for (uint32_t lba = 0; lba < RAM_FLASH_SECTORS; lba++) {
		const uint8_t *sector = world->host.flash.now[lba];

		if (lba == FAKE_RECORD_0 || lba == FAKE_RECORD_1 || lba == FAKE_STATE ||
			lba == FAKE_STATE + JOURNAL_COPY_SECTORS || lba == FAKE_TRUST ||
			lba == FAKE_TRUST + FAKE_TRUST_SECTORS / 2 || is_slot(lba, FAKE_SLOT_A) ||
			is_slot(lba, FAKE_SLOT_B) || memcmp(sector, zeroes, sizeof(zeroes)) == 0)
			continue;
		add(key, &lba, sizeof(lba));
		add(key, sector, 512);
	}
}

static bool trust_is_whole(const uint8_t *head)
{
	uint32_t bytes, crc;

	memcpy(&bytes, head + 16, sizeof(bytes));
	memcpy(&crc, head + 20, sizeof(crc));
	return journal_is_whole(head) && bytes > 0 && bytes <= OTA_KEYSET_BYTES_MAX &&
	       crc == ota_crc32(head + 512, bytes);
}

static void trust_add(struct world_key *key, const struct world *world)
{
	const uint8_t(*now)[512] = (const uint8_t(*)[512])world->host.flash.now;

	copies_add(key, (const uint8_t *const[]){now[FAKE_TRUST], now[FAKE_TRUST + FAKE_TRUST_SECTORS / 2]},
		trust_is_whole);
}

static void slot_add(struct world_key *key, const struct world *world, unsigned slot)
{
	const uint8_t *data = world->host.flash.now[slot == OTA_SLOT_A ? FAKE_SLOT_A : FAKE_SLOT_B];

	for (unsigned i = 0; i < SIM_IMAGES; i++) {
		const struct fake_image *image = sim_image((enum sim_image)i);
		uint32_t held = 0;

		for (uint32_t chunk = 0; chunk < image->manifest.chunk_count; chunk++) {
			uint32_t off = chunk * FAKE_CHUNK_BYTES, len = ota_manifest_chunk_len(&image->manifest, chunk);

			held |= (uint32_t)(memcmp(data + off, image->data + off, len) == 0) << chunk;
		}
		add(key, &held, sizeof(held));
	}
}

static void outside_add(struct world_key *key, const struct world *world)
{
	const struct fake_host *host = &world->host;
	const struct ota_status *told = &host->told;
	uint32_t numbers[] = {host->job_version, host->crash, host->boot.reset_cause, told->outcome, told->rolled_back,
		told->cause, (uint32_t)told->error, host->flash.stuck_left};

	add(key, numbers, sizeof(numbers));
	add(key, host->told_id, strlen(host->told_id) + 1);
	add(key, host->job_id, strlen(host->job_id) + 1);
	add(key, &world->monitor, sizeof(world->monitor));
}

struct world_key world_key(const struct world *world)
{
	struct world_key key = {{0x1234567, 0x7654321}};

	records_add(&key, world);
	journal_add(&key, world);
	trust_add(&key, world);
	others_add(&key, world);
	slot_add(&key, world, OTA_SLOT_A);
	slot_add(&key, world, OTA_SLOT_B);
	outside_add(&key, world);
	return key;
}
