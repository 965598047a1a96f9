/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot record: bytes and rules. The input is two sectors, whose CRC is put right if the first byte says so, what
 * U-Boot would find in the two slots, and then a script of starts and of the agent's calls.
 */
#include "fuzz.h"
#include "ota/bootrec.h"
#include "ota/crc32.h"

enum { STEPS_MAX = 64 };

static struct ota_bootrec record;
static struct ota_slot_seen content[OTA_BOOTREC_SLOTS];

/* ---- bytes ---- */

static void crc_put(uint8_t sector[OTA_BOOTREC_BYTES])
{
	uint32_t crc = ota_crc32(sector, OTA_BOOTREC_BYTES - 4);

	for (unsigned i = 0; i < 4; i++)
		sector[OTA_BOOTREC_BYTES - 4 + i] = (uint8_t)(crc >> 8 * i);
}

/* What was decoded and encoded again decodes to the same. */
static void record_codec_check(const struct ota_bootrec *rec)
{
	uint8_t sector[OTA_BOOTREC_BYTES], again[OTA_BOOTREC_BYTES];
	struct ota_bootrec decoded;

	ota_bootrec_encode(rec, sector);
	FUZZ_MUST(ota_bootrec_decode(sector, &decoded) == 0);
	ota_bootrec_encode(&decoded, again);
	FUZZ_MUST(memcmp(sector, again, sizeof(sector)) == 0);
	FUZZ_MUST(decoded.seq == rec->seq && decoded.min_counter == rec->min_counter && decoded.active == rec->active);
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		FUZZ_MUST(decoded.slot[i].state == rec->slot[i].state);
		FUZZ_MUST(memcmp(decoded.slot[i].image.digest, rec->slot[i].image.digest, 32) == 0);
	}
}

static void mark_codec_check(const uint8_t sector[OTA_BOOTREC_BYTES])
{
	uint8_t again[OTA_BOOTREC_BYTES];
	struct ota_confirm_mark mark, decoded;

	if (ota_confirm_mark_decode(sector, &mark) != 0)
		return;
	ota_confirm_mark_encode(&mark, again);
	FUZZ_MUST(ota_confirm_mark_decode(again, &decoded) == 0);
	FUZZ_MUST(decoded.seq == mark.seq && decoded.counter == mark.counter);
	FUZZ_MUST(memcmp(decoded.digest, mark.digest, sizeof(mark.digest)) == 0);
}

/* ---- the two copies ---- */

static uint8_t copies[2][OTA_BOOTREC_BYTES];

static int copy_read(void *ctx, unsigned copy, uint8_t sector[OTA_BOOTREC_BYTES])
{
	(void)ctx;
	memcpy(sector, copies[copy], OTA_BOOTREC_BYTES);
	return 0;
}

static int copy_write(void *ctx, unsigned copy, const uint8_t sector[OTA_BOOTREC_BYTES])
{
	(void)ctx;
	memcpy(copies[copy], sector, OTA_BOOTREC_BYTES);
	return 0;
}

static int copies_flush(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct ota_bootrec_ops ops = {copy_read, copy_write, copies_flush};

/* A committed record is the one that is loaded next, from either copy alone. */
static void commit_check(void)
{
	struct ota_bootrec loaded;

	if (record.seq >= UINT64_MAX - 1)
		return; /* never reached in practice: SPEC §2 has no wrap */
	FUZZ_MUST(ota_bootrec_commit(&ops, NULL, &record) == 0);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t kept[OTA_BOOTREC_BYTES];

		memcpy(kept, copies[i], sizeof(kept));
		copies[i][20] ^= 1;
		FUZZ_MUST(ota_bootrec_load(&ops, NULL, &loaded) == 0 && loaded.seq == record.seq);
		memcpy(copies[i], kept, sizeof(kept));
	}
	FUZZ_MUST(memcmp(copies[0], copies[1], sizeof(copies[0])) == 0);
}

/* ---- starts ---- */

static bool may_run(const struct ota_slot_seen *slot)
{
	return slot->view == OTA_VIEW_VERIFIED && slot->image.counter >= record.min_counter;
}

/* U-Boot's loop. */
static struct ota_boot_plan decide(struct ota_slot_seen seen[OTA_BOOTREC_SLOTS])
{
	memset(seen, 0, sizeof(*seen) * OTA_BOOTREC_SLOTS);
	for (unsigned examined = 0;; examined++) {
		struct ota_boot_plan plan = ota_bootrec_plan(&record, seen);

		if (plan.step != OTA_BOOT_EXAMINE)
			return plan;
		FUZZ_MUST(examined < OTA_BOOTREC_SLOTS && plan.slot < OTA_BOOTREC_SLOTS);
		FUZZ_MUST(seen[plan.slot].view == OTA_VIEW_UNSEEN);
		seen[plan.slot] = content[plan.slot];
	}
}

static void start_check(const struct ota_boot_plan *plan, const struct ota_bootrec *before)
{
	const struct ota_bootrec_slot *was = &before->slot[plan->slot], *is = &record.slot[plan->slot];

	FUZZ_MUST(may_run(&content[plan->slot]));
	FUZZ_MUST(plan->mode <= OTA_MODE_SAFE);
	FUZZ_MUST(record.min_counter == before->min_counter && record.active == before->active);
	FUZZ_MUST(record.boots == before->boots + 1 && record.starts > 0);
	FUZZ_MUST(record.last_slot == plan->slot && record.last_mode == plan->mode);
	if (plan->mode == OTA_MODE_TRIAL) {
		FUZZ_MUST(was->state == OTA_SLOT_TRIAL && was->tries_left > 0);
		FUZZ_MUST(memcmp(was->image.digest, content[plan->slot].image.digest, 32) == 0);
		FUZZ_MUST(is->state == OTA_SLOT_TRIAL && is->tries_left == was->tries_left - 1);
	} else {
		FUZZ_MUST(plan->pause_ms <= 60000);
	}
}

/* One start as U-Boot makes it. False: nothing to start, and then nothing may. */
static bool start(enum ota_cause reset_cause)
{
	struct ota_slot_seen seen[OTA_BOOTREC_SLOTS];
	struct ota_bootrec before;
	struct ota_boot_plan plan;

	ota_bootrec_begin(&record, reset_cause);
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++)
		FUZZ_MUST(record.slot[i].state != OTA_SLOT_TRIAL || record.slot[i].tries_left > 0);
	before = record;
	plan = decide(seen);
	FUZZ_MUST((plan.step == OTA_BOOT_NOTHING) == (!may_run(&content[0]) && !may_run(&content[1])));
	if (plan.step == OTA_BOOT_NOTHING)
		return false;
	FUZZ_MUST(plan.step == OTA_BOOT_START && plan.slot < OTA_BOOTREC_SLOTS);
	ota_bootrec_start(&record, seen, &plan);
	start_check(&plan, &before);
	return true;
}

/* Whatever the record says: trials that nobody confirms end, and what then starts is no trial. */
static void trials_end_check(void)
{
	unsigned starts = 0;

	while (start(OTA_CAUSE_NONE) && record.last_mode == OTA_MODE_TRIAL)
		FUZZ_MUST(++starts <= 2 * UINT8_MAX);
}

static void recover_check(void)
{
	struct ota_bootrec kept = record;
	bool any_verified = content[0].view == OTA_VIEW_VERIFIED || content[1].view == OTA_VIEW_VERIFIED;

	ota_bootrec_recover(&record, content);
	FUZZ_MUST(record.active == OTA_SLOT_NONE || may_run(&content[record.active]));
	FUZZ_MUST(!any_verified || record.active != OTA_SLOT_NONE);
	FUZZ_MUST(start(OTA_CAUSE_NONE) == any_verified);
	FUZZ_MUST(!any_verified || record.last_slot == record.active);
	record_codec_check(&record);
	record = kept;
}

/* ---- the agent ---- */

static void arm(enum ota_slot slot)
{
	struct ota_bootrec before = record;

	if (ota_bootrec_arm_trial(&record, slot) != 0) {
		FUZZ_MUST(memcmp(&before, &record, sizeof(record)) == 0);
		return;
	}
	FUZZ_MUST(before.slot[slot].state == OTA_SLOT_READY || before.slot[slot].state == OTA_SLOT_CONFIRMED);
	FUZZ_MUST(record.active != slot && record.slot[slot].image.counter >= record.min_counter);
	FUZZ_MUST(!ota_bootrec_has_failed(&before, record.slot[slot].image.digest));
}

static void give_up(enum ota_slot slot, enum ota_cause cause)
{
	uint8_t state = record.slot[slot].state;
	int error = ota_bootrec_mark_bad(&record, slot, cause);

	FUZZ_MUST((error == 0) == (state != OTA_SLOT_EMPTY && state != OTA_SLOT_CONFIRMED));
}

static void confirm(enum ota_slot slot)
{
	struct ota_confirm_mark mark;

	ota_bootrec_confirm(&record, slot, &content[slot].image);
	FUZZ_MUST(ota_bootrec_mark(&record, slot, &mark) == 0);
	FUZZ_MUST(mark.seq == record.seq && memcmp(mark.digest, content[slot].image.digest, 32) == 0);
	FUZZ_MUST(!ota_bootrec_has_failed(&record, mark.digest));
}

static void step(struct fuzz_in *in)
{
	uint8_t verb = fuzz_u8(in), argument = fuzz_u8(in);
	enum ota_slot slot = argument & 1 ? OTA_SLOT_B : OTA_SLOT_A;
	enum ota_cause cause = (enum ota_cause)(argument >> 1);
	uint32_t floor = record.min_counter;

	switch (verb % 10) {
	case 0:
	case 1:
		(void)start(argument & 2 ? OTA_CAUSE_WATCHDOG : OTA_CAUSE_NONE);
		break;
	case 2:
		ota_bootrec_writing(&record, slot, &content[slot].image);
		FUZZ_MUST(record.active != slot);
		break;
	case 3:
		(void)!ota_bootrec_ready(&record, slot);
		break;
	case 4:
		arm(slot);
		break;
	case 5:
		confirm(slot);
		break;
	case 6:
		(void)ota_bootrec_raise_counter(&record);
		break;
	case 7:
		give_up(slot, cause);
		break;
	case 8:
		(void)ota_bootrec_name_cause(&record, content[slot].image.digest, cause);
		break;
	case 9:
		(void)ota_bootrec_clear_starts(&record);
		break;
	}
	FUZZ_MUST(record.min_counter >= floor);
}

/* ---- the input ---- */

/* Few digests and counters, so that they often agree. */
static void image_take(struct fuzz_in *in, struct ota_image *image)
{
	uint8_t what = fuzz_u8(in);

	memset(image, 0, sizeof(*image));
	memset(image->digest, what & 3, sizeof(image->digest));
	image->counter = what >> 2 & 7;
	image->bytes = 4096;
	if (what & 0x20)
		memcpy(image->digest, record.slot[what & 1].image.digest, sizeof(image->digest));
}

static void content_take(struct fuzz_in *in, struct ota_slot_seen *slot)
{
	uint8_t what = fuzz_u8(in);

	memset(slot, 0, sizeof(*slot));
	slot->view = what & 1 ? OTA_VIEW_VERIFIED : OTA_VIEW_REFUSED;
	slot->cause = what & 1 ? OTA_CAUSE_NONE : (enum ota_cause)(what >> 4);
	image_take(in, &slot->image);
	slot->has_mark = what & 2;
	slot->mark.seq = fuzz_u8(in);
	slot->mark.counter = what >> 4;
	memcpy(slot->mark.digest, slot->image.digest, sizeof(slot->mark.digest));
	slot->mark.digest[0] ^= what & 4;
}

/* A record of few different values, in the place of one read from bytes. */
static void record_take(struct fuzz_in *in)
{
	ota_bootrec_init(&record);
	record.active = (uint8_t[]){0, 1, OTA_SLOT_NONE, 0}[fuzz_u8(in) & 3];
	record.starts = fuzz_u8(in);
	record.min_counter = fuzz_u8(in) & 7;
	record.last_slot = fuzz_u8(in);
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		image_take(in, &record.slot[i].image);
		record.slot[i].state = fuzz_u8(in) % 7;
		record.slot[i].tries_left = fuzz_u8(in) % 8;
		record.slot[i].cause = fuzz_u8(in);
	}
	for (unsigned i = 0; i < OTA_BOOTREC_FAILED; i++)
		memset(record.failed[i].digest, fuzz_u8(in) & 3, sizeof(record.failed[i].digest));
}

static bool copies_take(struct fuzz_in *in, uint8_t how)
{
	for (unsigned i = 0; i < 2; i++) {
		fuzz_bytes(in, copies[i], sizeof(copies[i]));
		if (how & 1u << i)
			crc_put(copies[i]);
		mark_codec_check(copies[i]);
	}
	return ota_bootrec_load(&ops, NULL, &record) == 0;
}

/* The rules never list a digest twice. */
static void failed_unique(void)
{
	for (unsigned i = 0; i < OTA_BOOTREC_FAILED; i++)
		for (unsigned j = 0; j < i; j++)
			if (memcmp(record.failed[i].digest, record.failed[j].digest, 32) == 0)
				memset(record.failed[i].digest, 0, sizeof(record.failed[i].digest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	uint8_t how = fuzz_u8(&in);

	memset(copies, 0, sizeof(copies));
	if (how & 0x80)
		record_take(&in);
	else if (!copies_take(&in, how))
		ota_bootrec_init(&record);
	failed_unique();
	record_codec_check(&record);
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++)
		content_take(&in, &content[i]);
	recover_check();
	for (int i = 0; i < STEPS_MAX && in.left > 0; i++)
		step(&in);
	record_codec_check(&record);
	trials_end_check();
	commit_check();
	return 0;
}
