/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's two copies and its bank. */
#include "device.h"

#include "core.h"
#include "ota/crc32.h"

enum { COPY_0 = FAKE_STATE, COPY_1 = FAKE_STATE + 8, BANK = FAKE_STATE + 16 };

static struct ota *ota;

static int journal_up(void **state)
{
	assert_int_equal(device_up(state), 0);
	assert_true(fake_host_begin(&host));
	ota = host.ota;
	strcpy(ota->journal.job_id, "job-7");
	ota->journal.net_bytes = 111;
	strcpy(ota->bank.urls[0], "https://0/a");
	memset(ota->bank.envelope, 0x42, 700);
	ota->journal.envelope_len = 700;
	assert_int_equal(journal_bank_write(ota), 0);
	assert_int_equal(journal_commit(ota), 0);
	return 0;
}

static void assert_loads(uint64_t net_bytes)
{
	memset(&ota->journal, 0xaa, sizeof(ota->journal));
	assert_int_equal(journal_load(ota), 0);
	assert_string_equal(ota->journal.job_id, "job-7");
	assert_true(ota->journal.net_bytes == net_bytes);
}

static void sector_ruin(uint32_t lba)
{
	host.flash.now[lba][100] ^= 1;
}

static void every_member_survives(void **state)
{
	struct journal before;

	(void)state;
	ota->journal.job_version = 3;
	ota->journal.trial_s = 77;
	ota->journal.step = OTA_STEP_TRIAL;
	ota->journal.outcome = OTA_FAILED;
	ota->journal.slot = 1;
	ota->journal.cause = 9;
	ota->journal.rolled_back = 1;
	ota->journal.wrong = 2;
	ota->journal.reboots = 4;
	ota->journal.error = -OTA_E_ROLLED_BACK;
	memset(ota->journal.digest, 0x5e, 32);
	ota->journal.net_bytes = UINT64_MAX;
	chunk_set_done(ota, 0, true);
	chunk_set_done(ota, OTA_MANIFEST_CHUNKS_MAX - 1, true);
	assert_int_equal(journal_commit(ota), 0);
	before = ota->journal;
	assert_loads(UINT64_MAX);
	assert_memory_equal(&ota->journal, &before, sizeof(before));
}

static void either_copy_alone_is_enough(void **state)
{
	(void)state;
	sector_ruin(COPY_0);
	assert_loads(111);
	sector_ruin(COPY_0);
	sector_ruin(COPY_1);
	assert_loads(111);
	sector_ruin(COPY_0);
	assert_int_equal(journal_load(ota), -OTA_E_JOURNAL);
	assert_false(journal_has_job(ota));
}

static void note_that_is_torn_leaves_the_last_commit(void **state)
{
	(void)state;
	ota->journal.net_bytes = 222;
	journal_note(ota);
	assert_loads(222);
	sector_ruin(COPY_1);
	assert_loads(111);
}

static void commit_after_notes_outranks_them(void **state)
{
	(void)state;
	ota->journal.net_bytes = 222;
	journal_note(ota);
	journal_note(ota);
	ota->journal.net_bytes = 333;
	assert_int_equal(journal_commit(ota), 0);
	sector_ruin(COPY_1);
	assert_loads(333);
}

static unsigned journal_writes;

/* The power goes in the first write of a commit: that copy is spoilt, and what follows does not happen. */
static void cut_in_first_write(void *ctx, const struct ram_flash_op *op)
{
	(void)ctx;
	if (op->is_flush || journal_writes++ > 0)
		return;
	sector_ruin(op->lba);
	host.flash.dead = true;
}

/* Two power cuts: one spoils copy 0 at the end of a commit, the next comes in the commit after it. */
static void commit_does_not_touch_the_only_whole_copy_first(void **state)
{
	(void)state;
	for (uint32_t spoilt = COPY_0; spoilt <= COPY_1; spoilt += COPY_1 - COPY_0) {
		ota->journal.net_bytes = 111;
		assert_int_equal(journal_commit(ota), 0);
		sector_ruin(spoilt);
		journal_writes = 0;
		host.flash.watch = cut_in_first_write;
		ota->journal.net_bytes = 222;
		assert_int_equal(journal_commit(ota), -OTA_E_IO);
		host.flash.watch = NULL;
		host.flash.dead = false;
		assert_loads(111);
	}
}

static void copy_that_cannot_be_written_is_no_failure_but_both_are(void **state)
{
	(void)state;
	host.flash.fail_write_lba = COPY_1;
	ota->journal.net_bytes = 222;
	assert_int_equal(journal_commit(ota), 0);
	assert_loads(222);
	host.flash.dead = true;
	assert_int_equal(journal_commit(ota), -OTA_E_IO);
	host.flash.dead = false;
}

/* One byte of copy 0 is changed and the CRC made to fit, as another version of this program, or its fault, would leave it. */
static int load_with(size_t off, uint8_t value)
{
	uint8_t *sector = host.flash.now[COPY_0];
	uint8_t before = sector[off];
	uint32_t crc;
	int error;

	sector_ruin(COPY_1);
	sector[off] = value;
	crc = ota_crc32(sector, 508);
	for (unsigned b = 0; b < 4; b++)
		sector[508 + b] = (uint8_t)(crc >> 8 * b);
	error = journal_load(ota);
	sector_ruin(COPY_1);
	sector[off] = before;
	return error;
}

static void members_out_of_range_are_no_journal(void **state)
{
	enum {
		FORMAT = 4,
		PAYLOAD_LEN = 16,
		ID = 32,
		STEP = ID + OTA_JOB_ID_MAX,
		ENVELOPE_LEN = STEP + 7 + 12 + 32 + 8
	};

	(void)state;
	assert_int_equal(load_with(FORMAT, 1), 0);
	assert_int_equal(load_with(FORMAT, 2), -OTA_E_JOURNAL);
	assert_int_equal(load_with(PAYLOAD_LEN, 9), -OTA_E_JOURNAL);
	assert_int_equal(load_with(STEP, OTA_STEP_CONFIRM), 0);
	assert_int_equal(load_with(STEP, OTA_STEP_CONFIRM + 1), -OTA_E_JOURNAL);
	assert_int_equal(load_with(STEP + 1, OTA_REJECTED + 1), -OTA_E_JOURNAL);
	assert_int_equal(load_with(STEP + 2, 1), 0);
	assert_int_equal(load_with(STEP + 2, 2), -OTA_E_JOURNAL);
	assert_int_equal(load_with(ENVELOPE_LEN + 1, 0x40), -OTA_E_JOURNAL);
	assert_int_equal(load_with(ENVELOPE_LEN + 3, 0xff), -OTA_E_JOURNAL);
	memset(host.flash.now[COPY_0] + ID, 'j', OTA_JOB_ID_MAX);
	assert_int_equal(load_with(FORMAT, 1), -OTA_E_JOURNAL);
}

static void bank_without_an_address_or_its_end_is_not_believed(void **state)
{
	(void)state;
	memset(ota->bank.urls[3], 'u', OTA_URL_MAX);
	assert_int_equal(journal_bank_write(ota), 0);
	assert_int_equal(journal_bank_read(ota), -OTA_E_JOURNAL);
	memset(ota->bank.urls, 0, sizeof(ota->bank.urls));
	assert_int_equal(journal_bank_write(ota), 0);
	assert_int_equal(journal_bank_read(ota), -OTA_E_JOURNAL);
}

static void bank_that_changed_is_not_believed(void **state)
{
	(void)state;
	memset(&ota->bank, 0, sizeof(ota->bank));
	assert_int_equal(journal_bank_read(ota), 0);
	assert_string_equal(ota->bank.urls[0], "https://0/a");
	assert_int_equal(ota->bank.envelope[699], 0x42);
	sector_ruin(BANK + 3);
	assert_int_equal(journal_bank_read(ota), -OTA_E_JOURNAL);
	sector_ruin(BANK + 3);
	sector_ruin(BANK);
	assert_int_equal(journal_bank_read(ota), -OTA_E_JOURNAL);
}

static void bank_longer_than_there_is_room_for_is_not_read(void **state)
{
	(void)state;
	ota->journal.envelope_len = OTA_MANIFEST_BYTES_MAX + 1;
	assert_int_equal(journal_bank_read(ota), -OTA_E_JOURNAL);
	ota->journal.envelope_len = UINT32_MAX;
	assert_int_equal(journal_bank_read(ota), -OTA_E_JOURNAL);
}

static void first_missing_chunk_skips_what_is_done(void **state)
{
	(void)state;
	ota->manifest.chunk_count = 20;
	for (uint32_t i = 0; i < 9; i++)
		chunk_set_done(ota, i, true);
	chunk_set_done(ota, 10, true);
	assert_int_equal(chunk_first_missing(ota), 9);
	chunk_set_done(ota, 3, false);
	assert_int_equal(chunk_first_missing(ota), 3);
	for (uint32_t i = 0; i < 20; i++)
		chunk_set_done(ota, i, true);
	assert_int_equal(chunk_first_missing(ota), 20);
}

#define JOURNAL_TEST(name) cmocka_unit_test_setup_teardown(name, journal_up, device_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOURNAL_TEST(every_member_survives),
		JOURNAL_TEST(either_copy_alone_is_enough),
		JOURNAL_TEST(note_that_is_torn_leaves_the_last_commit),
		JOURNAL_TEST(commit_after_notes_outranks_them),
		JOURNAL_TEST(commit_does_not_touch_the_only_whole_copy_first),
		JOURNAL_TEST(copy_that_cannot_be_written_is_no_failure_but_both_are),
		JOURNAL_TEST(members_out_of_range_are_no_journal),
		JOURNAL_TEST(bank_without_an_address_or_its_end_is_not_believed),
		JOURNAL_TEST(bank_that_changed_is_not_believed),
		JOURNAL_TEST(bank_longer_than_there_is_room_for_is_not_read),
		JOURNAL_TEST(first_missing_chunk_skips_what_is_done),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
