/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a device believes and what it was told (SPEC §11): what a thief of one key, a broker that replays or withholds, or a power cut can do. */
#include "told.h"

/* `image` as a job with exactly this assignment. */
static int job_give(const struct fake_image *image, const struct fake_assignment *assignment)
{
	host.assignment = assignment;
	return fake_host_offer(&host, image, "job-1");
}

static void assert_nothing_fetched(void)
{
	fake_host_run(&host, 60 * 1000);
	assert_int_equal(host.fetches, 0);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].state, OTA_SLOT_EMPTY);
}

static void assert_rejected(int error)
{
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -error);
	assert_nothing_fetched();
}

/* ---- keysets ---- */

static void keyset_is_taken_step_by_step_and_stays(void **state)
{
	static struct fake_keyset third;

	(void)state;
	fake_keyset_make(&third, 3);
	begin();
	assert_int_equal(ota_keyset_version(host.ota), 1);
	assert_int_equal(keyset_give(&third), -OTA_E_KEYSET_VERSION);
	assert_int_equal(keyset_give(&second), 0);
	assert_int_equal(keyset_give(&third), 0);
	assert_int_equal(ota_keyset_version(host.ota), 3);
	begin();
	assert_int_equal(ota_keyset_version(host.ota), 3);
	assert_int_equal(host.ota->trust.says.time_s, third.keyset.issued_s);
}

/* Rollback of a keyset: the old ones are rightly signed, and everybody has them. */
static void older_or_equal_keyset_is_ignored_harmlessly(void **state)
{
	uint64_t ops;

	(void)state;
	begin();
	assert_int_equal(keyset_give(&second), 0);
	assert_int_equal(idle_at(2, 4), 0);
	ops = host.flash.ops;
	assert_int_equal(keyset_give(&second), 0);
	assert_int_equal(keyset_give(&host.keyset), 0);
	assert_int_equal(ota_keyset_version(host.ota), 2);
	assert_int_equal(host.ota->trust.says.sequence, 4);
	assert_int_equal(host.flash.ops, ops);
}

static void keyset_without_the_old_roots_or_without_the_new_ones_is_refused(void **state)
{
	static struct fake_keyset forged;
	static const unsigned thief[] = {50, 51};

	(void)state;
	begin();
	fake_keyset_make(&forged, 2);
	fake_role_make(&forged.keyset.root, 2, thief, 2);
	fake_keyset_sign(&forged, thief, 2);
	assert_int_equal(keyset_give(&forged), -OTA_E_KEYSET);
	fake_keyset_sign(&forged, (const unsigned[]){FAKE_ROOT, FAKE_ROOT, 50, 51}, 4); /* one root, twice */
	assert_int_equal(keyset_give(&forged), -OTA_E_KEYSET);
	fake_keyset_sign(&forged, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1, 50}, 3);
	assert_int_equal(keyset_give(&forged), -OTA_E_KEYSET);
	fake_keyset_sign(&forged, (const unsigned[]){FAKE_RELEASE, FAKE_FLEET, 50, 51}, 4);
	assert_int_equal(keyset_give(&forged), -OTA_E_KEYSET);
	assert_int_equal(keyset_give(&(struct fake_keyset){.len = 0}), -OTA_E_FORMAT);
	assert_int_equal(ota_keyset_version(host.ota), 1);
	fake_keyset_sign(&forged, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 2, 50, 51}, 4);
	assert_int_equal(keyset_give(&forged), 0);
}

/* A device that is given another identity believes its new provisioning, not what was left of the old one. */
static void another_provisioning_begins_anew(void **state)
{
	static const unsigned roots[] = {50, 51};

	(void)state;
	begin();
	assert_int_equal(keyset_give(&second), 0);
	fake_role_make(&host.keyset.keyset.root, 2, roots, 2);
	fake_keyset_sign(&host.keyset, roots, 2);
	begin();
	assert_int_equal(ota_keyset_version(host.ota), 1);
	assert_int_equal(keyset_give(&second), -OTA_E_KEYSET);
}

static void provisioned_keyset_that_its_roots_did_not_sign_trusts_nobody(void **state)
{
	(void)state;
	fake_keyset_sign(&host.keyset, (const unsigned[]){FAKE_ROOT}, 1);
	begin();
	assert_int_equal(host.start_result, -OTA_E_KEYSET);
	assert_int_equal(ota_keyset_version(host.ota), 0);
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), -OTA_E_KEYSET);
	assert_rejected(OTA_E_KEYSET);
	assert_int_equal(keyset_give(&second), -OTA_E_KEYSET);
}

/* ---- assignments ---- */

static void image_that_nobody_assigned_is_not_installed(void **state)
{
	static const struct fake_assignment none;

	(void)state;
	begin();
	assert_int_equal(job_give(&v2, &none), -OTA_E_ASSIGNMENT);
	assert_rejected(OTA_E_ASSIGNMENT);
	host.job_retry = true; /* which is for images that failed */
	assert_int_equal(job_give(&v2, &none), -OTA_E_ASSIGNMENT);
	assert_rejected(OTA_E_ASSIGNMENT);
}

/* Two things that are each rightly signed, put together by whoever carries them. */
static void assignment_of_one_image_does_not_install_another(void **state)
{
	struct fake_assignment assignment;

	(void)state;
	begin();
	fake_assignment_make(&assignment, v3.image.digest, 5);
	assert_int_equal(job_give(&v2, &assignment), -OTA_E_ASSIGNMENT);
	assert_rejected(OTA_E_ASSIGNMENT);
	assert_int_equal(host.ota->trust.says.sequence, 0);
	assert_int_equal(job_give(&v3, &assignment), 0);
}

static void assignment_by_any_other_key_is_refused(void **state)
{
	static const unsigned others[] = {FAKE_RELEASE, FAKE_ROOT, FAKE_FLEET + 1};
	struct fake_assignment assignment;

	(void)state;
	begin();
	fake_assignment_make(&assignment, v2.image.digest, 5);
	for (size_t i = 0; i < COUNT(others); i++) {
		fake_assignment_sign(&assignment, &others[i], 1);
		assert_int_equal(job_give(&v2, &assignment), -OTA_E_ASSIGNMENT);
		assert_rejected(OTA_E_ASSIGNMENT);
	}
}

/* Threshold double counting, on the device: two of three fleet keys, two of two release keys. */
static void one_key_that_signs_twice_is_not_two(void **state)
{
	static const unsigned fleet[] = {60, 61, 62}, release[] = {0, 1};
	struct fake_assignment assignment;

	(void)state;
	fake_role_make(&second.keyset.fleet, 2, fleet, 3);
	fake_keyset_sign(&second, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1}, 2);
	begin();
	assert_int_equal(keyset_give(&second), 0);
	idle_make(&assignment, 2, 1);
	fake_assignment_sign(&assignment, (const unsigned[]){60, 60, 60}, 3);
	assert_int_equal(idle_give(&assignment), -OTA_E_ASSIGNMENT);
	fake_assignment_sign(&assignment, (const unsigned[]){60, 62}, 2);
	assert_int_equal(idle_give(&assignment), 0);

	fake_keyset_make(&second, 2);
	device_down(NULL);
	device_up(NULL);
	fake_role_make(&host.keyset.keyset.release, 2, release, 2);
	fake_keyset_sign(&host.keyset, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1}, 2);
	begin();
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), -OTA_E_SIG); /* signed by 0 alone */
	assert_rejected(OTA_E_SIG);
}

/* Replay of an older assignment, also after a reset: what was current once installs nothing again. */
static void older_assignment_is_not_replayed(void **state)
{
	struct fake_assignment older, newer, same;

	(void)state;
	fake_assignment_make(&older, v2.image.digest, 5);
	fake_assignment_make(&newer, v3.image.digest, 6);
	fake_assignment_make(&same, v4.image.digest, 6);
	begin();
	assert_int_equal(job_give(&v2, &older), 0);
	assert_int_equal(job_give(&v3, &newer), 0);
	for (int life = 0; life < 2; life++) {
		assert_int_equal(job_give(&v2, &older), -OTA_E_REPLAYED);
		assert_int_equal(host.last_terminal.error, -OTA_E_REPLAYED);
		assert_int_equal(job_give(&v4, &same), -OTA_E_REPLAYED); /* the same sequence for something else */
		begin();
		assert_int_equal(host.ota->trust.says.sequence, 6);
	}
	assert_int_equal(idle_at(1, 6), -OTA_E_REPLAYED);
	assert_int_equal(idle_at(1, 7), 0);
	ota_on_cancel(host.ota, NULL);
	assert_int_equal(job_give(&v3, &newer), -OTA_E_REPLAYED);
}

/* Freeze: a broker keeps an assignment back until it is convenient. No clock of the network's helps it, and none of the device's but its own. */
static void assignment_kept_back_past_its_expiry_is_refused(void **state)
{
	struct fake_assignment kept;

	(void)state;
	fake_assignment_make(&kept, v2.image.digest, 5); /* good for an hour from FAKE_TIME_S + 5 */
	begin();
	assert_int_equal(idle_at(1, 4), 0);
	fake_host_run(&host, 3600 * 1000);
	assert_int_equal(job_give(&v2, &kept), 0); /* signed time is FAKE_TIME_S + 3604 */
	device_down(NULL);
	device_up(NULL);
	begin();
	assert_int_equal(idle_at(1, 4), 0);
	fake_host_run(&host, 3601 * 1000);
	assert_int_equal(job_give(&v2, &kept), -OTA_E_EXPIRED);
	assert_rejected(OTA_E_EXPIRED);
}

/* Signed time is on flash: a word of tomorrow makes today's expire, also after a reset. */
static void assignment_expires_by_what_was_signed_since_over_a_reset(void **state)
{
	struct fake_assignment kept, later;

	(void)state;
	fake_assignment_make(&kept, v2.image.digest, 5);
	fake_assignment_make(&later, NULL, 4);
	later.says.issued_s = kept.says.expires_s;
	later.says.expires_s = later.says.issued_s + 10;
	memcpy(later.says.nonce, nonce, sizeof(nonce));
	later.says.nonce_len = sizeof(nonce);
	fake_assignment_sign(&later, (const unsigned[]){FAKE_FLEET}, 1);
	begin();
	assert_int_equal(idle_give(&later), 0);
	begin();
	assert_int_equal(job_give(&v2, &kept), -OTA_E_EXPIRED);
	assert_rejected(OTA_E_EXPIRED);
}

/* The device's own clock may run fast: it must not run away from the server's over the years. */
static void newer_word_sets_signed_time_right(void **state)
{
	struct fake_assignment assignment;

	(void)state;
	begin();
	assert_int_equal(idle_at(1, 1), 0);
	for (unsigned day = 1; day <= 100; day++) {
		fake_host_run(&host,
			86400 * 1000 + 60 * 1000); /* a minute a day too fast; assignments are good for an hour */
		idle_make(&assignment, 1, 1);
		assignment.says.issued_s = FAKE_TIME_S + day * 86400;
		assignment.says.expires_s = assignment.says.issued_s + 3600;
		fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
		assert_int_equal(idle_give(&assignment), 0);
	}
}

/* Expired data never blocks fetching newer ones: not an assignment, and not the keyset that is needed for it. */
static void expired_words_block_nothing_newer(void **state)
{
	struct fake_assignment assignment;

	(void)state;
	begin();
	assert_int_equal(idle_at(1, 3), 0);
	fake_host_run(&host, 30ull * 86400 * 1000);
	assert_int_equal(idle_at(1, 3), -OTA_E_EXPIRED);
	idle_make(&assignment, 1, 4);
	assignment.says.issued_s += 30 * 86400;
	assignment.says.expires_s += 30 * 86400;
	fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(idle_give(&assignment), 0);
	assert_int_equal(keyset_give(&second), 0); /* issued long before */
	assert_int_equal(idle_at(2, 1), 0);
}

static void assignment_for_others_is_refused(void **state)
{
	static const uint8_t other_class[16] = "another-class-c";
	struct fake_assignment assignment;

	(void)state;
	begin();
	fake_assignment_make(&assignment, v2.image.digest, 5);
	strcpy(assignment.says.device_id, "dev-2");
	fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(job_give(&v2, &assignment), -OTA_E_SCOPE);
	assert_rejected(OTA_E_SCOPE);
	assignment.says.scope = OTA_SCOPE_CLASS;
	memcpy(assignment.says.class_id, other_class, 16);
	fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(job_give(&v2, &assignment), -OTA_E_SCOPE);
	assert_rejected(OTA_E_SCOPE);
}

/* Mixed scopes: what is said to the class and to the device goes by one sequence, so neither is replayed behind the other. */
static void both_scopes_go_by_one_sequence(void **state)
{
	struct fake_assignment for_class, for_device;

	(void)state;
	fake_assignment_make(&for_class, v2.image.digest, 5);
	for_class.says.scope = OTA_SCOPE_CLASS;
	memcpy(for_class.says.class_id, fake_class_id, 16);
	fake_assignment_sign(&for_class, (const unsigned[]){FAKE_FLEET}, 1);
	fake_assignment_make(&for_device, v3.image.digest, 6);
	begin();
	assert_int_equal(job_give(&v2, &for_class), 0);
	assert_int_equal(job_give(&v3, &for_device), 0);
	assert_int_equal(job_give(&v2, &for_class), -OTA_E_REPLAYED);
}

/* The keyset is on its way: the job must not be lost over it, nor be taken. */
static void assignment_under_another_keyset_waits(void **state)
{
	struct fake_assignment assignment;

	(void)state;
	begin();
	fake_assignment_make(&assignment, v2.image.digest, 5);
	assignment.says.keyset_version = 2;
	assignment.says.issued_s += 86400;
	assignment.says.expires_s += 86400;
	fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(job_give(&v2, &assignment), -OTA_E_KEYSET_VERSION);
	assert_int_equal(host.statuses, 0);
	assert_nothing_fetched();
	assert_int_equal(keyset_give(&second), 0);
	assert_int_equal(job_give(&v2, &assignment), 0);
}

/*
 * Fast-forward: a thief of the fleet key has the device believe that it is the end of time, and uses up the sequence. The real server is not
 * believed any more, until the roots change the key; then all is as before, and the thief's word counts nothing.
 */
static void fast_forward_is_recovered_by_rotation(void **state)
{
	static const unsigned fleet[] = {FAKE_FLEET + 1};
	struct fake_assignment thief, owner;

	(void)state;
	fake_role_make(&second.keyset.fleet, 1, fleet, 1);
	fake_keyset_sign(&second, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1}, 2);
	begin();
	idle_make(&thief, 1, UINT64_MAX);
	thief.says.issued_s = INT64_MAX - 1;
	thief.says.expires_s = INT64_MAX;
	fake_assignment_sign(&thief, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(idle_give(&thief), 0);
	fake_host_run(&host, 86400 * 1000); /* signed time goes on from there */
	assert_int_equal(idle_at(1, 7), -OTA_E_EXPIRED);
	begin();
	assert_int_equal(idle_at(1, 7), -OTA_E_EXPIRED);
	assert_int_equal(keyset_give(&second), 0);
	thief.says.keyset_version = 2;
	fake_assignment_sign(&thief, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(idle_give(&thief), -OTA_E_ASSIGNMENT);
	fake_assignment_make(&owner, v2.image.digest, 1);
	owner.says.keyset_version = 2;
	owner.says.issued_s = second.keyset.issued_s + 1;
	owner.says.expires_s = owner.says.issued_s + 3600;
	fake_assignment_sign(&owner, fleet, 1);
	assert_int_equal(job_give(&v2, &owner), 0);
}

/* Being heard is proved by our own nonce only; what was said to another request is no answer. */
static void heard_is_what_answers_our_own_request(void **state)
{
	struct fake_assignment assignment;
	uint64_t seconds;

	(void)state;
	begin();
	assert_false(ota_heard_s(host.ota, &seconds));
	idle_make(&assignment, 1, 1);
	assignment.says.nonce[0] ^= 1;
	fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(idle_give(&assignment), -OTA_E_REPLAYED);
	assignment.says.nonce_len = 0;
	fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(idle_give(&assignment), -OTA_E_REPLAYED);
	assert_int_equal(ota_on_idle(host.ota, assignment.envelope, assignment.len, nonce, 0), -OTA_E_REPLAYED);
	fake_assignment_make(&assignment, v2.image.digest, 1);
	assert_int_equal(idle_give(&assignment), -OTA_E_ASSIGNMENT); /* something is assigned */
	assert_false(ota_heard_s(host.ota, &seconds));
	assert_int_equal(idle_at(1, 1), 0);
	fake_host_run(&host, 42 * 1000);
	assert_true(ota_heard_s(host.ota, &seconds));
	assert_int_equal(seconds, 42);
	begin();
	assert_false(ota_heard_s(host.ota, &seconds));
}

/* The server is asked every few minutes for years: the same word again must not wear the flash out. */
static void same_word_again_is_hardly_ever_written(void **state)
{
	struct fake_assignment assignment;
	uint64_t ops;

	(void)state;
	begin();
	assert_int_equal(idle_at(1, 1), 0);
	ops = host.flash.ops;
	for (unsigned i = 1; i <= 24; i++) { /* two hours */
		fake_host_run(&host, 300 * 1000);
		idle_make(&assignment, 1, 1);
		assignment.says.issued_s = FAKE_TIME_S + 1 + i * 300;
		assignment.says.expires_s = assignment.says.issued_s + 600;
		fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
		assert_int_equal(idle_give(&assignment), 0);
	}
	assert_int_equal(host.flash.ops, ops + 2 * 4); /* two commits of two copies, written and flushed */
}

/* ---- updates under way ---- */

static void revoke_release_key(void)
{
	static const unsigned release[] = {1};

	fake_role_make(&second.keyset.release, 1, release, 1);
	fake_keyset_sign(&second, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1}, 2);
}

static void download_half(void)
{
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = 20000};
	device_offer(&v2);
	fake_host_run(&host, 500);
	assert_int_equal(host.ota->phase, PHASE_FETCH);
	assert_true(host.body_bytes > 0);
}

static void revoked_release_key_stops_a_download_in_flight(void **state)
{
	unsigned fetches;

	(void)state;
	revoke_release_key();
	download_half();
	assert_int_equal(keyset_give(&second), 0);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -OTA_E_SIG);
	fetches = host.fetches;
	fake_host_run(&host, 3600 * 1000);
	assert_int_equal(host.fetches, fetches);
	begin();
	assert_runs(&v1, OTA_SLOT_A);
	assert_int_equal(fake_host_offer(&host, &v2, "job-2"), -OTA_E_SIG);
}

/* The keyset came, and the power went before the download could be told. */
static void revoked_release_key_stops_a_resumed_download(void **state)
{
	(void)state;
	revoke_release_key();
	download_half();
	assert_int_equal(keyset_give(&second), 0);
	host.ota->journal.outcome = OTA_RUNNING;
	host.ota->journal.error = 0;
	assert_int_equal(journal_commit(host.ota), 0);
	begin();
	assert_int_equal(host.ota->phase, PHASE_DONE);
	assert_int_equal(host.status.error, -OTA_E_SIG);
}

static void revoked_release_key_touches_no_armed_trial_and_no_confirmed_image(void **state)
{
	(void)state;
	revoke_release_key();
	device_offer(&v2);
	fake_host_run(&host, 3600 * 1000);
	assert_int_equal(host.ota->phase, PHASE_REBOOT);
	assert_int_equal(keyset_give(&second), 0);
	assert_int_equal(host.ota->phase, PHASE_REBOOT);
	begin(); /* the trial */
	assert_runs(&v2, OTA_SLOT_B);
	fake_host_run(&host, 60 * 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	begin();
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(fake_boot_record(&host.boot).active, OTA_SLOT_B);
}

/* A rotation in the midst of a download: who assigned it under the old keys may be a thief. It goes on, and is armed once the new keys say so. */
static void download_over_a_rotation_is_armed_only_when_assigned_again(void **state)
{
	(void)state;
	download_half();
	second.keyset.issued_s = FAKE_TIME_S + host.now / 1000;
	fake_keyset_sign(&second, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1}, 2);
	assert_int_equal(keyset_give(&second), 0);
	fake_host_run(&host, 3600 * 1000);
	assert_false(host.reboot);
	assert_int_equal(host.ota->phase, PHASE_IDLE);
	assert_true(fake_host_log_has(&host, "job.unassigned"));
	assert_int_equal(fake_host_offer(&host, &v2, "job-1"), 0);
	fake_host_run(&host, 3600 * 1000);
	assert_true(host.reboot);
	assert_int_equal(host.ota->phase, PHASE_REBOOT);
}

/* Of the two words the newer counts, whatever became of its job: the older image is not installed behind it. */
static void resumed_download_that_is_assigned_no_more_is_dropped(void **state)
{
	(void)state;
	download_half();
	assert_int_equal(idle_at(1, host.sequence + 1), 0);
	begin();
	assert_int_equal(host.ota->phase, PHASE_IDLE);
	assert_false(journal_has_job(host.ota));
}

/* The same job is offered again and again while it runs; junk beside it takes nothing from it. */
static void running_job_stands_on_the_assignment_it_came_with(void **state)
{
	static const struct fake_assignment none;
	struct fake_assignment renewed;

	(void)state;
	download_half();
	assert_int_equal(job_give(&v2, &none), 0);
	assert_int_equal(host.status.outcome, OTA_RUNNING);
	fake_assignment_make(&renewed, v2.image.digest, host.sequence + 1);
	assert_int_equal(job_give(&v2, &renewed), 0);
	assert_int_equal(host.ota->trust.says.sequence, host.sequence + 1);
	fake_host_run(&host, 3600 * 1000);
	assert_int_equal(host.ota->phase, PHASE_REBOOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUST_TEST(keyset_is_taken_step_by_step_and_stays),
		TRUST_TEST(older_or_equal_keyset_is_ignored_harmlessly),
		TRUST_TEST(keyset_without_the_old_roots_or_without_the_new_ones_is_refused),
		TRUST_TEST(another_provisioning_begins_anew),
		TRUST_TEST(provisioned_keyset_that_its_roots_did_not_sign_trusts_nobody),
		TRUST_TEST(image_that_nobody_assigned_is_not_installed),
		TRUST_TEST(assignment_of_one_image_does_not_install_another),
		TRUST_TEST(assignment_by_any_other_key_is_refused),
		TRUST_TEST(one_key_that_signs_twice_is_not_two),
		TRUST_TEST(older_assignment_is_not_replayed),
		TRUST_TEST(assignment_kept_back_past_its_expiry_is_refused),
		TRUST_TEST(assignment_expires_by_what_was_signed_since_over_a_reset),
		TRUST_TEST(newer_word_sets_signed_time_right),
		TRUST_TEST(expired_words_block_nothing_newer),
		TRUST_TEST(assignment_for_others_is_refused),
		TRUST_TEST(both_scopes_go_by_one_sequence),
		TRUST_TEST(assignment_under_another_keyset_waits),
		TRUST_TEST(fast_forward_is_recovered_by_rotation),
		TRUST_TEST(heard_is_what_answers_our_own_request),
		TRUST_TEST(same_word_again_is_hardly_ever_written),
		TRUST_TEST(revoked_release_key_stops_a_download_in_flight),
		TRUST_TEST(revoked_release_key_stops_a_resumed_download),
		TRUST_TEST(revoked_release_key_touches_no_armed_trial_and_no_confirmed_image),
		TRUST_TEST(download_over_a_rotation_is_armed_only_when_assigned_again),
		TRUST_TEST(resumed_download_that_is_assigned_no_more_is_dropped),
		TRUST_TEST(running_job_stands_on_the_assignment_it_came_with),
	};

	return cmocka_run_group_tests(tests, trust_setup, NULL);
}
