/* SPDX-License-Identifier: Apache-2.0 */
/* The range `trust` on a bad disk, and with the power cut at each of its storage operations (SPEC §11, DESIGN.md). */
#include <stdio.h>

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

/* ---- power cuts ---- */

static struct ram_flash before;
static unsigned cuts;

static void power_up(void)
{
	ram_flash_power_on(&host.flash);
	host.flash.cut_at = UINT64_MAX;
	host.now = 1000;
	begin();
}

/* Cut `act` at each of its storage operations; `check` is asked after each cut, and after a second one in the start that follows. */
static void cut_everywhere(int (*act)(void), void (*check)(void))
{
	bool was_cut = true;

	before = host.flash;
	for (uint64_t at = 0; was_cut; at++)
		for (unsigned how = 0; how < 9; how++)
			for (unsigned again = 0; again < 4; again++) {
				host.flash = before;
				power_up();
				host.flash.cut_at = host.flash.ops + at;
				host.flash.moment = (enum cut_moment)(how % 3);
				host.flash.cache = (enum cut_cache)(how / 3);
				host.flash.random = (uint32_t)at * 31 + how;
				(void)act();
				was_cut = host.flash.dead;
				cuts += was_cut;
				if (was_cut && again > 0) {
					ram_flash_power_on(&host.flash);
					host.flash.cut_at =
						host.flash.ops + 3 + again; /* behind the boot loader's own */
					host.flash.moment = CUT_TORN;
					host.flash.cache = CACHE_MIXED;
					(void)fake_host_begin(&host);
				}
				power_up();
				check();
				assert_int_equal(act(), 0);
				power_up();
				assert_int_equal(act(), 0);
			}
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
	cut_everywhere(act_keyset, check_keyset);
	printf("cuts in the acceptance of a keyset: %u\n", cuts);
	assert_true(cuts >= 4 * 9 * 4);
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
	cut_everywhere(act_keyset, check_first);
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
	cuts = 0;
	cut_everywhere(act_assignment, check_assignment);
	printf("cuts in the acceptance of an assignment: %u\n", cuts);
	assert_true(cuts >= 4 * 9 * 4);
}

/* What was accepted is durable before the job is taken: whenever a job is on flash, so is its assignment. */
static void job_on_flash_has_its_assignment_beside_it(void **state)
{
	unsigned jobs = 0;

	(void)state;
	begin();
	before = host.flash;
	for (uint64_t at = 0; at < 12; at++) {
		host.flash = before;
		power_up();
		host.flash.cut_at = host.flash.ops + at;
		host.flash.moment = CUT_AFTER;
		host.flash.cache = CACHE_LOST;
		(void)fake_host_offer(&host, &v2, "job-1");
		power_up();
		if (!journal_has_job(host.ota))
			continue;
		jobs++;
		assert_true(trust_assigns(host.ota, v2.image.digest));
	}
	assert_in_range(jobs, 1, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUST_TEST(worn_copy_is_lived_with),
		TRUST_TEST(copy_that_rotted_is_made_whole_at_the_next_start),
		TRUST_TEST(power_cut_leaves_the_old_keyset_or_the_new_one),
		TRUST_TEST(first_keyset_on_a_blank_flash_is_cut_as_safely),
		TRUST_TEST(power_cut_leaves_the_old_assignment_or_the_new_one),
		TRUST_TEST(job_on_flash_has_its_assignment_beside_it),
	};

	return cmocka_run_group_tests(tests, trust_setup, NULL);
}
