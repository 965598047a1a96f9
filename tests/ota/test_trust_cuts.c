/* SPDX-License-Identifier: Apache-2.0 */
/* The range `trust` on a bad disk, and with the power cut at each of its storage operations (SPEC §11, DESIGN.md). */
#include <stdio.h>

#include "ota/crc32.h"
#include "simulate/cut.h"
#include "told.h"

/* ---- the flash ---- */

/* Two worn blocks are one more than can be lived with; one is not. */
static void worn_copy_is_lived_with(void **state)
{
	(void)state;
	for (unsigned copy = 0; copy < 2; copy++) {
		int error = -OTA_E_IO;

		host.flash.fail_write_lba = FAKE_TRUST + copy * 32;
		begin();
		for (int i = 0; i < 5 && error; i++)
			error = keyset_give(&second);
		assert_int_equal(error, 0);
		error = -OTA_E_IO;
		for (int i = 0; i < 5 && error; i++)
			error = idle_at(2, 3);
		assert_int_equal(error, 0);
		assert_int_equal(idle_at(2, 4), 0); /* by then it is known to be worn */
		begin();
		assert_int_equal(ota_keyset_version(host.ota), 2);
		assert_int_equal(host.ota->trust.says.sequence, 4);
		device_down(NULL);
		device_up(NULL);
	}
	host.flash.stuck_lba = FAKE_TRUST; /* says it was written */
	begin();
	assert_int_equal(keyset_give(&second), -OTA_E_IO);
	assert_int_equal(ota_keyset_version(host.ota), 1);
}

static void copy_that_rotted_is_made_whole_at_the_next_start(void **state)
{
	(void)state;
	begin();
	assert_int_equal(keyset_give(&second), 0);
	assert_int_equal(idle_at(2, 3), 0);
	for (unsigned copy = 0; copy < 2; copy++) {
		host.flash.now[FAKE_TRUST + copy * 32 + copy][100] ^= 1; /* in a head, in an envelope */
		begin();
		assert_int_equal(ota_keyset_version(host.ota), 2);
		assert_int_equal(host.ota->trust.says.sequence, 3);
	}
	host.flash.now[FAKE_TRUST][0] ^= 1;
	host.flash.now[FAKE_TRUST + 32][0] ^= 1;
	begin(); /* both: the provisioned one, and the server sends the others again */
	assert_int_equal(ota_keyset_version(host.ota), 1);
	assert_int_equal(host.ota->trust.says.sequence, 0);
	assert_int_equal(keyset_give(&second), 0);
}

/* A cut between the two copies leaves both whole: the newer one counts, whichever it is, and the other one is made like it. */
static void newer_copy_counts_and_the_older_one_is_made_like_it(void **state)
{
	enum { COPY_SECTORS = FAKE_TRUST_SECTORS / 2 };
	static uint8_t older[COPY_SECTORS][512];

	(void)state;
	for (unsigned copy = 0; copy < 2; copy++) {
		uint8_t(*sectors)[512] = &host.flash.now[FAKE_TRUST + copy * COPY_SECTORS];

		begin();
		assert_int_equal(idle_at(1, 2 * copy + 1), 0);
		memcpy(older, sectors, sizeof(older));
		assert_int_equal(idle_at(1, 2 * copy + 2), 0);
		memcpy(sectors, older, sizeof(older));
		begin();
		assert_int_equal(host.ota->trust.says.sequence, 2 * copy + 2);
		assert_memory_equal(host.flash.now[FAKE_TRUST], host.flash.now[FAKE_TRUST + COPY_SECTORS], 512);
	}
}

/* No run of ours leaves that, a disk that loses flushed writes may: the first copy counts, and from then on there is one truth. */
static void copies_of_one_sequence_that_differ_become_one(void **state)
{
	uint8_t *head = host.flash.now[FAKE_TRUST + FAKE_TRUST_SECTORS / 2];
	uint32_t crc;

	(void)state;
	begin();
	assert_int_equal(idle_at(1, 5), 0);
	head[24] = 9; /* the last sequence */
	crc = ota_crc32(head, 508);
	memcpy(head + 508, &crc, sizeof(crc));
	begin();
	assert_int_equal(host.ota->trust.says.sequence, 5);
	assert_memory_equal(host.flash.now[FAKE_TRUST], head, 512);
}

/* ---- power cuts ---- */

enum { LEVELS = 2, SECOND_EVERY = 17 };

/* A device in the midst of a storage operation, and memory for what becomes of it when the power goes. */
static struct level {
	struct fake_host mid;
	struct ota *spare;
	struct cuts *scratch;
} levels[LEVELS];
static unsigned level, tried[LEVELS];
static int (*act)(void);
static void (*check)(void);
static bool every_range; /* else: the range `trust` alone */

static void watch(void *ctx, const struct ram_flash_op *op);

/* In the start after the first cut the power may go again, while the other copy is made whole. */
static void cut_happens(void *ctx, const struct cut *cut)
{
	struct level *here = &levels[level];

	(void)ctx;
	tried[level++]++;
	here->mid = host;
	host.ota = here->spare;
	cut_apply(cut, &here->mid.flash, &host.flash);
	ram_flash_power_on(&host.flash);
	host.now = 1000;
	host.flash.watch = level < LEVELS && tried[0] % SECOND_EVERY == 0 ? watch : NULL;
	begin();
	host.flash.watch = NULL;
	check();
	if (act) {
		assert_int_equal(act(), 0);
		begin();
		assert_int_equal(act(), 0);
	}
	host = here->mid;
	level--;
}

static void watch(void *ctx, const struct ram_flash_op *op)
{
	bool ours = op->is_flush ? host.flash.pending_count > 0 && host.flash.pending[0].lba >= FAKE_TRUST
				 : op->lba >= FAKE_TRUST;

	(void)ctx;
	if (level < LEVELS && (ours || every_range))
		cuts_of(levels[level].scratch, &host.flash, op, cut_happens, NULL);
}

/* Cut `what` in every way at each of its storage operations. */
static void cut_everywhere(int (*what)(void))
{
	for (unsigned i = 0; i < LEVELS; i++) {
		levels[i].spare = aligned_alloc(64, (ota_bytes() + 63) / 64 * 64);
		levels[i].scratch = cuts_make();
		assert_non_null(levels[i].spare);
		tried[i] = 0;
	}
	cut_seed(20261123);
	host.flash.watch = watch;
	assert_int_equal(what(), 0);
	host.flash.watch = NULL;
	for (unsigned i = 0; i < LEVELS; i++) {
		free(levels[i].spare);
		cuts_free(levels[i].scratch);
	}
	printf("cuts: %u, and %u in the start after one\n", tried[0], tried[1]);
	assert_in_range(tried[0], 100, 100000);
}

static int act_keyset(void)
{
	return keyset_give(&second);
}

/* Sequence and time belong to the keyset beside which they stand. */
static void check_keyset(void)
{
	const struct trust *trust = &host.ota->trust;

	if (trust->keyset.version == 1) {
		assert_int_equal(trust->says.sequence, 5);
		assert_int_equal(trust->says.time_s, FAKE_TIME_S + 5);
		return;
	}
	assert_int_equal(trust->keyset.version, 2);
	assert_int_equal(trust->says.sequence, 0);
	assert_int_equal(trust->says.time_s, second.keyset.issued_s);
}

static void power_cut_leaves_the_old_keyset_or_the_new_one(void **state)
{
	(void)state;
	begin();
	assert_int_equal(idle_at(1, 5), 0);
	act = act_keyset, check = check_keyset;
	cut_everywhere(act_keyset);
	assert_true(tried[1] > 0);
}

static void check_first(void)
{
	const struct trust *trust = &host.ota->trust;

	assert_in_range(trust->keyset.version, 1, 2);
	assert_int_equal(trust->says.sequence, 0);
	assert_int_equal(trust->says.time_s, trust->keyset.issued_s);
}

static void first_keyset_on_a_blank_flash_is_cut_as_safely(void **state)
{
	(void)state;
	begin();
	act = act_keyset, check = check_first;
	cut_everywhere(act_keyset);
}

static struct fake_assignment wanted;

static int act_assignment(void)
{
	const struct trust_told told = {wanted.envelope, wanted.len, NULL, 0};

	return trust_assign(host.ota, &told, v2.image.digest);
}

static void check_assignment(void)
{
	static const uint8_t nothing[32];
	const struct trust *trust = &host.ota->trust;

	assert_int_equal(trust->keyset.version, 2);
	if (trust->says.sequence == 5) {
		assert_memory_equal(trust->says.digest, nothing, 32);
		return;
	}
	assert_int_equal(trust->says.sequence, 6);
	assert_memory_equal(trust->says.digest, v2.image.digest, 32);
	assert_true(trust->says.time_s == wanted.says.issued_s);
}

static void power_cut_leaves_the_old_assignment_or_the_new_one(void **state)
{
	(void)state;
	begin();
	assert_int_equal(keyset_give(&second), 0);
	assert_int_equal(idle_at(2, 5), 0);
	fake_assignment_make(&wanted, v2.image.digest, 6);
	wanted.says.keyset_version = 2;
	wanted.says.issued_s += 86400;
	wanted.says.expires_s += 86400;
	fake_assignment_sign(&wanted, (const unsigned[]){FAKE_FLEET}, 1);
	act = act_assignment, check = check_assignment;
	cut_everywhere(act_assignment);
}

static unsigned jobs;

static void check_job(void)
{
	if (!journal_has_job(host.ota))
		return;
	jobs++;
	assert_true(trust_assigns(host.ota, v2.image.digest));
}

static int act_offer(void)
{
	return fake_host_offer(&host, &v2, "job-1");
}

/* What was accepted is durable before the job is taken: whenever a job is on flash, so is its assignment. */
static void job_on_flash_has_its_assignment_beside_it(void **state)
{
	(void)state;
	begin();
	act = NULL, check = check_job;
	every_range = true;
	cut_everywhere(act_offer);
	every_range = false;
	assert_in_range(jobs, 1, tried[0] + tried[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUST_TEST(worn_copy_is_lived_with),
		TRUST_TEST(copy_that_rotted_is_made_whole_at_the_next_start),
		TRUST_TEST(newer_copy_counts_and_the_older_one_is_made_like_it),
		TRUST_TEST(copies_of_one_sequence_that_differ_become_one),
		TRUST_TEST(power_cut_leaves_the_old_keyset_or_the_new_one),
		TRUST_TEST(first_keyset_on_a_blank_flash_is_cut_as_safely),
		TRUST_TEST(power_cut_leaves_the_old_assignment_or_the_new_one),
		TRUST_TEST(job_on_flash_has_its_assignment_beside_it),
	};

	return cmocka_run_group_tests(tests, trust_setup, NULL);
}
