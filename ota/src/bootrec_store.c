/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The boot record's bytes (SPEC §2, §3), its two copies, and the names of its numbers. */
#include <string.h>

#include "ota/bootrec.h"
#include "ota/crc32.h"

#define RECORD_MAGIC 0x31424b53 /* "SKB1" */
#define MARK_MAGIC   0x46434b53 /* "SKCF" */
#define FORMAT       1
#define CRC_OFF      508

#define SLOT_OFF     32
#define SLOT_BYTES   64
#define FAILED_OFF   160
#define FAILED_BYTES 36

static void put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value);
	put16(to + 2, value >> 16);
}

static void put64(uint8_t *to, uint64_t value)
{
	put32(to, (uint32_t)value);
	put32(to + 4, (uint32_t)(value >> 32));
}

static uint32_t get16(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8;
}

static uint32_t get32(const uint8_t *from)
{
	return get16(from) | get16(from + 2) << 16;
}

static uint64_t get64(const uint8_t *from)
{
	return get32(from) | (uint64_t)get32(from + 4) << 32;
}

static uint32_t fit16(uint32_t value)
{
	return value > 0xffff ? 0xffff : value;
}

static void slot_encode(const struct ota_bootrec_slot *slot, uint8_t *to)
{
	memcpy(to, slot->image.digest, OTA_BOOTREC_DIGEST_BYTES);
	put32(to + 32, slot->image.bytes);
	put32(to + 36, slot->image.counter);
	put16(to + 40, fit16(slot->image.version[0]));
	put16(to + 42, fit16(slot->image.version[1]));
	put32(to + 44, slot->image.version[2]);
	to[48] = slot->state;
	to[49] = slot->tries_left;
	to[50] = slot->cause;
}

static void slot_decode(const uint8_t *from, struct ota_bootrec_slot *slot)
{
	memcpy(slot->image.digest, from, OTA_BOOTREC_DIGEST_BYTES);
	slot->image.bytes = get32(from + 32);
	slot->image.counter = get32(from + 36);
	slot->image.version[0] = get16(from + 40);
	slot->image.version[1] = get16(from + 42);
	slot->image.version[2] = get32(from + 44);
	slot->state = from[48];
	slot->tries_left = from[49];
	slot->cause = from[50];
}

static bool sector_is_whole(const uint8_t *sector)
{
	return get32(sector + CRC_OFF) == ota_crc32(sector, CRC_OFF);
}

void ota_bootrec_encode(const struct ota_bootrec *rec, uint8_t sector[OTA_BOOTREC_BYTES])
{
	memset(sector, 0, OTA_BOOTREC_BYTES);
	put32(sector, RECORD_MAGIC);
	put16(sector + 4, FORMAT);
	sector[6] = rec->active;
	sector[7] = rec->starts;
	put64(sector + 8, rec->seq);
	put32(sector + 16, rec->min_counter);
	put32(sector + 20, rec->boots);
	sector[24] = rec->last_slot;
	sector[25] = rec->last_mode;
	sector[26] = rec->last_cause;
	sector[27] = rec->reset_cause;
	sector[28] = rec->safe_resets;
	for (size_t i = 0; i < OTA_BOOTREC_SLOTS; i++)
		slot_encode(&rec->slot[i], sector + SLOT_OFF + i * SLOT_BYTES);
	for (size_t i = 0; i < OTA_BOOTREC_FAILED; i++) {
		uint8_t *to = sector + FAILED_OFF + i * FAILED_BYTES;

		memcpy(to, rec->failed[i].digest, OTA_BOOTREC_DIGEST_BYTES);
		to[OTA_BOOTREC_DIGEST_BYTES] = rec->failed[i].cause;
	}
	put32(sector + CRC_OFF, ota_crc32(sector, CRC_OFF));
}

int ota_bootrec_decode(const uint8_t sector[OTA_BOOTREC_BYTES], struct ota_bootrec *rec)
{
	if (get32(sector) != RECORD_MAGIC || get16(sector + 4) != FORMAT || !sector_is_whole(sector))
		return OTA_BOOTREC_LOST;
	if (sector[6] >= OTA_BOOTREC_SLOTS && sector[6] != OTA_SLOT_NONE)
		return OTA_BOOTREC_LOST;
	rec->active = sector[6];
	rec->starts = sector[7];
	rec->seq = get64(sector + 8);
	rec->min_counter = get32(sector + 16);
	rec->boots = get32(sector + 20);
	rec->last_slot = sector[24];
	rec->last_mode = sector[25];
	rec->last_cause = sector[26];
	rec->reset_cause = sector[27];
	rec->safe_resets = sector[28];
	for (size_t i = 0; i < OTA_BOOTREC_SLOTS; i++)
		slot_decode(sector + SLOT_OFF + i * SLOT_BYTES, &rec->slot[i]);
	for (size_t i = 0; i < OTA_BOOTREC_FAILED; i++) {
		const uint8_t *from = sector + FAILED_OFF + i * FAILED_BYTES;

		memcpy(rec->failed[i].digest, from, OTA_BOOTREC_DIGEST_BYTES);
		rec->failed[i].cause = from[OTA_BOOTREC_DIGEST_BYTES];
	}
	return 0;
}

void ota_bootrec_init(struct ota_bootrec *rec)
{
	memset(rec, 0, sizeof(*rec));
	rec->active = OTA_SLOT_NONE;
	rec->last_slot = OTA_SLOT_NONE;
}

void ota_confirm_mark_encode(const struct ota_confirm_mark *mark, uint8_t sector[OTA_BOOTREC_BYTES])
{
	memset(sector, 0, OTA_BOOTREC_BYTES);
	put32(sector, MARK_MAGIC);
	put32(sector + 4, FORMAT);
	put64(sector + 8, mark->seq);
	memcpy(sector + 16, mark->digest, OTA_BOOTREC_DIGEST_BYTES);
	put32(sector + 48, mark->counter);
	put32(sector + CRC_OFF, ota_crc32(sector, CRC_OFF));
}

int ota_confirm_mark_decode(const uint8_t sector[OTA_BOOTREC_BYTES], struct ota_confirm_mark *mark)
{
	if (get32(sector) != MARK_MAGIC || get32(sector + 4) != FORMAT || !sector_is_whole(sector))
		return OTA_BOOTREC_LOST;
	mark->seq = get64(sector + 8);
	memcpy(mark->digest, sector + 16, OTA_BOOTREC_DIGEST_BYTES);
	mark->counter = get32(sector + 48);
	return 0;
}

static int sector_read(const struct ota_bootrec_ops *ops, void *ctx, unsigned copy, uint8_t *sector)
{
	for (unsigned i = 0; i < OTA_BOOTREC_READS; i++)
		if (ops->read(ctx, copy, sector) == 0)
			return 0;
	return OTA_BOOTREC_UNREADABLE;
}

static int copy_read(const struct ota_bootrec_ops *ops, void *ctx, unsigned copy, struct ota_bootrec *rec)
{
	uint8_t sector[OTA_BOOTREC_BYTES];
	int error = sector_read(ops, ctx, copy, sector);

	return error ? error : ota_bootrec_decode(sector, rec);
}

static int copy_write(const struct ota_bootrec_ops *ops, void *ctx, unsigned copy, const uint8_t *sector)
{
	uint8_t back[OTA_BOOTREC_BYTES];

	if (ops->write(ctx, copy, sector) != 0 || ops->flush(ctx) != 0 || sector_read(ops, ctx, copy, back) != 0)
		return OTA_BOOTREC_UNWRITTEN;
	return memcmp(back, sector, sizeof(back)) == 0 ? 0 : OTA_BOOTREC_UNWRITTEN;
}

int ota_bootrec_load(const struct ota_bootrec_ops *ops, void *ctx, struct ota_bootrec *rec)
{
	struct ota_bootrec second;
	int first_error, second_error;

	ota_bootrec_init(rec);
	first_error = copy_read(ops, ctx, 0, rec);
	second_error = copy_read(ops, ctx, 1, &second);
	if (first_error && second_error)
		return first_error == OTA_BOOTREC_UNREADABLE ? first_error : second_error;
	if (first_error || (!second_error && second.seq > rec->seq))
		*rec = second;
	return 0;
}

/* Which copy may be given up first: one that is no use already, else the older one. */
static unsigned copy_to_write_first(const struct ota_bootrec_ops *ops, void *ctx, uint64_t *newest_seq)
{
	struct ota_bootrec copy[2];
	bool lost[2], unread = false;

	for (unsigned i = 0; i < 2; i++) {
		int error = copy_read(ops, ctx, i, &copy[i]);

		lost[i] = error != 0;
		unread |= error == OTA_BOOTREC_UNREADABLE;
		if (!lost[i] && copy[i].seq > *newest_seq)
			*newest_seq = copy[i].seq;
	}
	/* It may be one commit ahead; if it cannot be written now either, it must not win once it can be read again. */
	*newest_seq += unread;
	if (lost[0] || lost[1])
		return lost[0] ? 0 : 1;
	return copy[0].seq < copy[1].seq ? 0 : 1;
}

int ota_bootrec_commit(const struct ota_bootrec_ops *ops, void *ctx, struct ota_bootrec *rec)
{
	uint8_t sector[OTA_BOOTREC_BYTES];
	unsigned first = copy_to_write_first(ops, ctx, &rec->seq);
	bool first_failed, second_failed;

	rec->seq++;
	ota_bootrec_encode(rec, sector);
	/*
	 * The other copy is the newest whole one: it is touched only after this one was read back. If this one
	 * cannot be written at all (a worn block), going on with the other is still right: a cut in that write
	 * loses both, and the confirm marks make up for that.
	 */
	first_failed = copy_write(ops, ctx, first, sector) != 0;
	second_failed = copy_write(ops, ctx, 1 - first, sector) != 0;
	return first_failed && second_failed ? OTA_BOOTREC_UNWRITTEN : 0;
}

const char *ota_cause_name(unsigned cause)
{
	switch (cause) {
#define CAUSE_CASE(name, number, text)                                                                                 \
	case number:                                                                                                   \
		return text;
		OTA_CAUSES(CAUSE_CASE)
#undef CAUSE_CASE
	default:
		return "unknown";
	}
}

enum ota_cause ota_cause_from_name(const char *name)
{
	static const struct {
		const char *text;
		enum ota_cause cause;
	} causes[] = {
#define CAUSE_ROW(name, number, text) {text, OTA_CAUSE_##name},
		OTA_CAUSES(CAUSE_ROW)
#undef CAUSE_ROW
	};

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strcmp(name, causes[i].text) == 0)
			return causes[i].cause;
	return OTA_CAUSE_PANIC;
}

const char *ota_slot_state_name(unsigned state)
{
	static const char *const names[] = {"empty", "writing", "ready", "trial", "confirmed", "bad"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

const char *ota_boot_mode_name(unsigned mode)
{
	static const char *const names[] = {"normal", "trial", "safe"};

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}
