/* SPDX-License-Identifier: Apache-2.0 */
/* The boot record's bytes, its two copies under torn writes and worn blocks, and the names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootrec_world.h"
#include "ota/crc32.h"

/* ---- Codec ---- */

static struct ota_bootrec full_record(void)
{
	struct ota_bootrec rec = trial_pair();

	rec.seq = 0x1122334455667788;
	rec.min_counter = 0xa1a2a3a4;
	rec.boots = 0xb1b2b3b4;
	rec.starts = 9;
	rec.last_slot = OTA_SLOT_B;
	rec.last_mode = OTA_MODE_SAFE;
	rec.last_cause = OTA_CAUSE_WATCHDOG;
	rec.reset_cause = OTA_CAUSE_WATCHDOG;
	rec.safe_resets = 5;
	rec.slot[1].cause = OTA_CAUSE_PANIC;
	rec.slot[1].image.version[2] = 0x12345678;
	for (uint8_t i = 0; i < OTA_BOOTREC_FAILED; i++) {
		memset(rec.failed[i].digest, 0x40 + i, OTA_BOOTREC_DIGEST_BYTES);
		rec.failed[i].cause = i;
	}
	return rec;
}

static void crc_is_the_one_of_zlib(void **state)
{
	(void)state;
	assert_int_equal(ota_crc32("123456789", 9), 0xcbf43926);
	assert_int_equal(ota_crc32(NULL, 0), 0);
}

static void codec_keeps_every_field(void **state)
{
	struct ota_bootrec rec = full_record(), back;
	uint8_t sector[OTA_BOOTREC_BYTES], again[OTA_BOOTREC_BYTES];

	(void)state;
	ota_bootrec_encode(&rec, sector);
	assert_int_equal(ota_bootrec_decode(sector, &back), 0);
	ota_bootrec_encode(&back, again);
	assert_memory_equal(sector, again, sizeof(sector));
	assert_int_equal(back.seq, rec.seq);
	assert_int_equal(back.min_counter, rec.min_counter);
	assert_int_equal(back.boots, rec.boots);
	assert_int_equal(back.last_cause, OTA_CAUSE_WATCHDOG);
	assert_int_equal(back.reset_cause, OTA_CAUSE_WATCHDOG);
	assert_int_equal(back.safe_resets, 5);
	assert_memory_equal(back.slot[1].image.digest, rec.slot[1].image.digest, 32);
	assert_int_equal(back.slot[1].image.version[2], 0x12345678);
	assert_int_equal(back.slot[1].tries_left, OTA_BOOTREC_TRIES);
	assert_int_equal(back.failed[3].cause, 3);
}

/* The bytes of SPEC §2, so that other readers of the record cannot drift away. */
static void codec_puts_fields_where_the_spec_says(void **state)
{
	struct ota_bootrec rec = full_record();
	uint8_t sector[OTA_BOOTREC_BYTES];

	(void)state;
	ota_bootrec_encode(&rec, sector);
	assert_memory_equal(sector,
		"SKB1\1\0\0\x09\x88\x77\x66\x55\x44\x33\x22\x11\xa4\xa3\xa2\xa1\xb4\xb3\xb2\xb1\1\2\x08\x08\5", 29);
	assert_int_equal(sector[32], 0xaa);
	assert_int_equal(sector[96], 0xbb);
	assert_int_equal(sector[96 + 32], (1000 + 0xbb) & 0xff);
	assert_int_equal(sector[96 + 36], 5);
	assert_int_equal(sector[96 + 40], 0xbb);
	assert_int_equal(sector[96 + 44], 0x78);
	assert_int_equal(sector[96 + 48], OTA_SLOT_TRIAL);
	assert_int_equal(sector[96 + 49], 3);
	assert_int_equal(sector[96 + 50], OTA_CAUSE_PANIC);
	assert_int_equal(sector[160], 0x40);
	assert_int_equal(sector[160 + 36 * 3 + 32], 3);
}

static void codec_refuses_every_flipped_bit(void **state)
{
	struct ota_bootrec rec = full_record(), back;
	uint8_t sector[OTA_BOOTREC_BYTES];

	(void)state;
	ota_bootrec_encode(&rec, sector);
	for (unsigned bit = 0; bit < OTA_BOOTREC_BYTES * 8; bit++) {
		sector[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(ota_bootrec_decode(sector, &back), OTA_BOOTREC_LOST);
		sector[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(ota_bootrec_decode(sector, &back), 0);
}

static void sector_seal(uint8_t *sector)
{
	uint32_t crc = ota_crc32(sector, 508);

	for (unsigned i = 0; i < 4; i++)
		sector[508 + i] = (uint8_t)(crc >> (8 * i));
}

static void codec_refuses_other_formats_and_ignores_reserved_bytes(void **state)
{
	struct ota_bootrec rec = full_record(), back;
	uint8_t sector[OTA_BOOTREC_BYTES];

	(void)state;
	ota_bootrec_encode(&rec, sector);
	sector[400] = sector[27] = sector[32 + 63] = sector[160 + 33] = 0xee;
	sector_seal(sector);
	assert_int_equal(ota_bootrec_decode(sector, &back), 0);
	assert_int_equal(back.seq, rec.seq);
	sector[4] = 2;
	sector_seal(sector);
	assert_int_equal(ota_bootrec_decode(sector, &back), OTA_BOOTREC_LOST);
	sector[4] = 1;
	sector[6] = 2;
	sector_seal(sector);
	assert_int_equal(ota_bootrec_decode(sector, &back), OTA_BOOTREC_LOST);
	memset(sector, 0, sizeof(sector));
	assert_int_equal(ota_bootrec_decode(sector, &back), OTA_BOOTREC_LOST);
	memset(sector, 0xff, sizeof(sector));
	assert_int_equal(ota_bootrec_decode(sector, &back), OTA_BOOTREC_LOST);
}

static void version_too_great_for_flash_is_kept_as_the_greatest(void **state)
{
	struct ota_bootrec rec = full_record(), back;
	uint8_t sector[OTA_BOOTREC_BYTES];

	(void)state;
	rec.slot[0].image.version[0] = 0x10001;
	ota_bootrec_encode(&rec, sector);
	assert_int_equal(ota_bootrec_decode(sector, &back), 0);
	assert_int_equal(back.slot[0].image.version[0], 0xffff);
}

static void mark_keeps_its_fields_and_refuses_every_flipped_bit(void **state)
{
	struct ota_confirm_mark mark = {.seq = 0x8877665544332211, .counter = 0x04030201}, back;
	uint8_t sector[OTA_BOOTREC_BYTES];

	(void)state;
	memset(mark.digest, 0x5c, sizeof(mark.digest));
	ota_confirm_mark_encode(&mark, sector);
	assert_memory_equal(sector, "SKCF\1\0\0\0\x11\x22\x33\x44\x55\x66\x77\x88\x5c", 17);
	assert_memory_equal(sector + 47, "\x5c\1\2\3\4", 5);
	assert_int_equal(ota_confirm_mark_decode(sector, &back), 0);
	assert_int_equal(back.seq, mark.seq);
	assert_int_equal(back.counter, mark.counter);
	assert_memory_equal(back.digest, mark.digest, sizeof(mark.digest));
	for (unsigned bit = 0; bit < OTA_BOOTREC_BYTES * 8; bit++) {
		sector[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(ota_confirm_mark_decode(sector, &back), OTA_BOOTREC_LOST);
		sector[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* ---- The two copies ---- */

/* A disk whose power goes out inside write number `cut_write` after `cut_bytes` bytes; every write after it is lost. */
struct flash {
	uint8_t copy[2][OTA_BOOTREC_BYTES];
	int writes, cut_write;
	size_t cut_bytes;
	bool dead, fail_write[2], lying;
	unsigned fail_read[2]; /* the next so many */
	unsigned order[4], flushes;
};

static int flash_read(void *ctx, unsigned copy, uint8_t sector[OTA_BOOTREC_BYTES])
{
	struct flash *flash = ctx;

	if (flash->fail_read[copy] > 0) {
		flash->fail_read[copy]--;
		return -5;
	}
	memcpy(sector, flash->copy[copy], OTA_BOOTREC_BYTES);
	return 0;
}

static int flash_write(void *ctx, unsigned copy, const uint8_t sector[OTA_BOOTREC_BYTES])
{
	struct flash *flash = ctx;

	if (flash->writes < 4)
		flash->order[flash->writes] = copy;
	if (flash->dead || flash->fail_write[copy])
		return -5;
	flash->dead = flash->writes++ == flash->cut_write;
	if (!flash->lying)
		memcpy(flash->copy[copy], sector, flash->dead ? flash->cut_bytes : OTA_BOOTREC_BYTES);
	return flash->dead ? -5 : 0;
}

static int flash_flush(void *ctx)
{
	struct flash *flash = ctx;

	flash->flushes++;
	return flash->dead ? -5 : 0;
}

static const struct ota_bootrec_ops flash_ops = {flash_read, flash_write, flash_flush};

static struct flash flash_of(const struct ota_bootrec *copy0, const struct ota_bootrec *copy1)
{
	struct flash flash;

	memset(&flash, 0, sizeof(flash));
	flash.cut_write = -1;
	if (copy0)
		ota_bootrec_encode(copy0, flash.copy[0]);
	if (copy1)
		ota_bootrec_encode(copy1, flash.copy[1]);
	return flash;
}

static void load_takes_the_newest_whole_copy(void **state)
{
	struct ota_bootrec older = confirmed_pair(), newer = confirmed_pair(), rec;
	struct flash flash;

	(void)state;
	newer.seq = UINT64_MAX - 1;
	newer.boots = 99;
	flash = flash_of(&older, &newer);
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
	assert_int_equal(rec.boots, 99);
	flash = flash_of(&newer, &older);
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
	assert_int_equal(rec.boots, 99);
	newer.seq = older.seq;
	flash = flash_of(&older, &newer);
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
	assert_int_equal(rec.boots, 0);
}

static void load_survives_one_lost_copy_and_says_when_both_are(void **state)
{
	struct ota_bootrec record = full_record(), rec;
	struct flash flash;

	(void)state;
	flash = flash_of(&record, NULL);
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
	assert_int_equal(rec.seq, record.seq);
	flash = flash_of(NULL, &record);
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
	assert_int_equal(rec.seq, record.seq);
	flash = flash_of(&record, &record);
	flash.fail_read[0] = 99;
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
	assert_int_equal(rec.seq, record.seq);
	flash = flash_of(NULL, NULL);
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), OTA_BOOTREC_LOST);
	assert_int_equal(rec.active, OTA_SLOT_NONE);
	assert_int_equal(rec.seq, 0);
}

/* A record that cannot be read may be a good one: whoever took it for lost would write over it. */
static void load_tells_a_read_error_from_a_lost_copy(void **state)
{
	struct ota_bootrec record = full_record(), rec;
	struct flash flash;

	(void)state;
	for (unsigned failures = 1; failures < 6; failures++) {
		flash = flash_of(&record, &record);
		flash.fail_read[0] = flash.fail_read[1] = failures;
		assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), failures < 3 ? 0 : OTA_BOOTREC_UNREADABLE);
		assert_int_equal(rec.seq, failures < 3 ? record.seq : 0);
	}
	for (unsigned copy = 0; copy < 2; copy++) {
		flash = flash_of(NULL, NULL);
		flash.fail_read[copy] = 99;
		assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), OTA_BOOTREC_UNREADABLE);
	}
}

/* The copy that could not be read may be one commit ahead: if it cannot be written either, it must not win later. */
static void commit_outranks_a_copy_that_could_not_be_read(void **state)
{
	struct ota_bootrec older = confirmed_pair(), ahead = confirmed_pair(), rec;
	struct flash flash;

	(void)state;
	ahead.seq = older.seq + 1;
	flash = flash_of(&ahead, &older);
	flash.fail_read[0] = 99;
	flash.fail_write[0] = true;
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
	rec.boots = 1234;
	assert_int_equal(ota_bootrec_commit(&flash_ops, &flash, &rec), 0);
	flash.fail_read[0] = 0;
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
	assert_int_equal(rec.boots, 1234);
}

static void commit_writes_both_copies_the_useless_one_first(void **state)
{
	struct ota_bootrec older = confirmed_pair(), newer = confirmed_pair(), rec;
	const struct ota_bootrec *copies[][2] = {{&older, &newer}, {&newer, &older}, {NULL, &older}, {&older, NULL}};
	const unsigned first[] = {0, 1, 0, 1};

	(void)state;
	newer.seq = older.seq + 1;
	for (size_t i = 0; i < 4; i++) {
		struct flash flash = flash_of(copies[i][0], copies[i][1]);
		uint64_t seq;

		assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &rec), 0);
		seq = rec.seq;
		rec.boots = 1234;
		assert_int_equal(ota_bootrec_commit(&flash_ops, &flash, &rec), 0);
		assert_int_equal(rec.seq, seq + 1);
		assert_int_equal(flash.writes, 2);
		assert_true(flash.flushes >= 2);
		assert_int_equal(flash.order[0], first[i]);
		assert_int_equal(flash.order[1], 1 - first[i]);
		assert_memory_equal(flash.copy[0], flash.copy[1], OTA_BOOTREC_BYTES);
	}
}

/*
 * Power goes out inside either write after any number of bytes: the old or the new record is whole, and never an
 * older one.
 */
static void commit_cut_anywhere_leaves_old_or_new(void **state)
{
	struct ota_bootrec older = confirmed_pair(), old = full_record(), rec, after;
	const struct ota_bootrec *copies[][2] = {
		{&old, &old}, {&older, &old}, {&old, &older}, {NULL, &old}, {&old, NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		for (unsigned at = 0; at < 2 * (OTA_BOOTREC_BYTES + 1); at++) {
			struct flash flash = flash_of(copies[i][0], copies[i][1]);

			flash.cut_write = (int)(at / (OTA_BOOTREC_BYTES + 1));
			flash.cut_bytes = at % (OTA_BOOTREC_BYTES + 1);
			rec = old;
			rec.boots = 4321;
			(void)!ota_bootrec_commit(&flash_ops, &flash, &rec);
			assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &after), 0);
			assert_true(after.boots == 4321 ? after.seq == old.seq + 1
							: after.seq == old.seq && after.boots == old.boots);
			if (flash.cut_write == 1)
				assert_int_equal(after.boots, 4321);
			/* The next commit makes both whole again. */
			flash.dead = false;
			flash.cut_write = -1;
			assert_int_equal(ota_bootrec_commit(&flash_ops, &flash, &after), 0);
			assert_memory_equal(flash.copy[0], flash.copy[1], OTA_BOOTREC_BYTES);
		}
	}
}

static void commit_lives_with_one_worn_copy_but_not_with_two(void **state)
{
	struct ota_bootrec old = confirmed_pair(), rec, after;

	(void)state;
	for (unsigned worn = 0; worn < 2; worn++) {
		struct flash flash = flash_of(&old, &old);

		rec = old;
		rec.boots = 77;
		flash.fail_write[worn] = true;
		assert_int_equal(ota_bootrec_commit(&flash_ops, &flash, &rec), 0);
		assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &after), 0);
		assert_int_equal(after.boots, 77);
		flash.fail_write[1 - worn] = true;
		assert_int_equal(ota_bootrec_commit(&flash_ops, &flash, &rec), OTA_BOOTREC_UNWRITTEN);
	}
}

static void commit_notices_a_write_that_did_not_happen(void **state)
{
	struct ota_bootrec old = confirmed_pair(), rec = old, after;
	struct flash flash = flash_of(&old, &old);

	(void)state;
	flash.lying = true;
	assert_int_equal(ota_bootrec_commit(&flash_ops, &flash, &rec), OTA_BOOTREC_UNWRITTEN);
	flash.lying = false;
	/* A retry outranks whatever stands there. */
	assert_int_equal(ota_bootrec_commit(&flash_ops, &flash, &rec), 0);
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &after), 0);
	assert_true(after.seq > old.seq);
}

static void commit_outranks_a_newer_copy_than_the_caller_knew(void **state)
{
	struct ota_bootrec rec = confirmed_pair(), newer = confirmed_pair(), after;
	struct flash flash;

	(void)state;
	newer.seq = 1000;
	flash = flash_of(&newer, NULL);
	rec.boots = 55;
	assert_int_equal(ota_bootrec_commit(&flash_ops, &flash, &rec), 0);
	assert_int_equal(ota_bootrec_load(&flash_ops, &flash, &after), 0);
	assert_int_equal(after.boots, 55);
	assert_int_equal(after.seq, 1001);
}

/* ---- Names ---- */

static void names_lead_there_and_back(void **state)
{
	(void)state;
	for (unsigned cause = OTA_CAUSE_NONE; cause <= OTA_CAUSE_CANCELLED; cause++)
		assert_int_equal(ota_cause_from_name(ota_cause_name(cause)), cause);
	assert_string_equal(ota_cause_name(200), "unknown");
	assert_int_equal(ota_cause_from_name(""), OTA_CAUSE_PANIC);
	assert_int_equal(ota_cause_from_name("stack-"), OTA_CAUSE_PANIC);
	assert_string_equal(ota_slot_state_name(OTA_SLOT_BAD), "bad");
	assert_string_equal(ota_slot_state_name(6), "unknown");
	assert_string_equal(ota_boot_mode_name(OTA_MODE_SAFE), "safe");
	assert_string_equal(ota_boot_mode_name(3), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_the_one_of_zlib),
		cmocka_unit_test(codec_keeps_every_field),
		cmocka_unit_test(codec_puts_fields_where_the_spec_says),
		cmocka_unit_test(codec_refuses_every_flipped_bit),
		cmocka_unit_test(codec_refuses_other_formats_and_ignores_reserved_bytes),
		cmocka_unit_test(version_too_great_for_flash_is_kept_as_the_greatest),
		cmocka_unit_test(mark_keeps_its_fields_and_refuses_every_flipped_bit),
		cmocka_unit_test(load_takes_the_newest_whole_copy),
		cmocka_unit_test(load_survives_one_lost_copy_and_says_when_both_are),
		cmocka_unit_test(load_tells_a_read_error_from_a_lost_copy),
		cmocka_unit_test(commit_outranks_a_copy_that_could_not_be_read),
		cmocka_unit_test(commit_writes_both_copies_the_useless_one_first),
		cmocka_unit_test(commit_cut_anywhere_leaves_old_or_new),
		cmocka_unit_test(commit_lives_with_one_worn_copy_but_not_with_two),
		cmocka_unit_test(commit_notices_a_write_that_did_not_happen),
		cmocka_unit_test(commit_outranks_a_newer_copy_than_the_caller_knew),
		cmocka_unit_test(names_lead_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
