/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of ../../ota/SECURITY.md that are about who may say what (SPEC §11), on a whole fake device: keys that were stolen, words that are said
 * again or too late, and the way back.
 */
#include "device.h"

#include <stdio.h>

#include "ota/verify.h"

static const uint64_t HOUR_MS = 3600 * 1000;
static const uint64_t WEEK_S = 7 * 24 * 3600;
enum { NEW_RELEASE = 70, NEW_FLEET = 71 };

static struct fake_assignment word;
static struct fake_keyset next;

/* The device starts, is well and connected, and is offered the image as a new job, with `word` for its assignment, or an honest one. */
static int offer(const struct fake_image *image, const struct fake_assignment *assignment)
{
	static unsigned jobs;
	static char id[32];

	(void)snprintf(id, sizeof(id), "job-%u", 100 + jobs++);
	host.terminals = host.fetches = 0;
	host.assignment = assignment;
	host.link = true;
	(void)!fake_host_offer(&host, image, id);
	fake_host_run(&host, HOUR_MS / 4);
	return host.terminals == 1 ? host.last_terminal.error : host.job_result;
}

static void up(void)
{
	assert_true(fake_host_begin(&host));
	host.link = true;
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
}

static void assert_refused(const struct fake_image *image, const struct fake_assignment *assignment, int error)
{
	assert_int_equal(offer(image, assignment), error);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.fetches, 0);
	assert_false(host.reboot);
}

static void assert_taken(const struct fake_image *image, const struct fake_assignment *assignment)
{
	assert_int_equal(offer(image, assignment), 0);
	assert_true(host.reboot);
	host.assignment = NULL;
	host.job = NULL;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_memory_equal(host.running.image.digest, image->image.digest, 32);
}

/* As the fleet's server would say it, under keyset `version`, signed by key `which`. */
static const struct fake_assignment *say(
	const struct fake_image *image, uint64_t sequence, uint32_t version, unsigned which)
{
	fake_assignment_make(&word, image->manifest.digest, sequence);
	word.says.keyset_version = version;
	word.says.issued_s = FAKE_TIME_S + (version - 1) * 86400 + host.now / 1000;
	word.says.expires_s = word.says.issued_s + WEEK_S;
	fake_assignment_sign(&word, &which, 1);
	return &word;
}

/* Keyset `version` with these release and fleet keys; the roots stay, two of the three sign. */
static int keyset_offer(uint32_t version, unsigned release, unsigned fleet, size_t roots)
{
	static const unsigned root[] = {FAKE_ROOT, FAKE_ROOT + 1};

	fake_keyset_make(&next, version);
	fake_role_make(&next.keyset.release, 1, &release, 1);
	fake_role_make(&next.keyset.fleet, 1, &fleet, 1);
	fake_keyset_sign(&next, root, roots);
	return ota_on_keyset(host.ota, next.envelope, next.len);
}

/* Two release keys have to sign; v2's envelope with these. */
static struct fake_image twice;

static void sign_twice(unsigned first, unsigned second)
{
	const unsigned which[] = {first, second};
	struct ota_envelope parts;
	static struct fake_image source;

	source = twice = v2;
	assert_int_equal(ota_envelope_open(source.envelope, source.envelope_len, &parts), 0);
	parts.signature_count = 2;
	for (size_t i = 0; i < 2; i++) {
		uint8_t to_sign[OTA_SIG_STRUCTURE_MAX], key[64], kid[8];
		size_t len;

		fake_key_public(which[i], key);
		ota_key_id(key, kid);
		ota_envelope_to_sign(parts.digest, kid, &parts.signatures[i], to_sign, &len);
		fake_key_sign(which[i], to_sign, len, parts.signatures[i].rs);
	}
	assert_int_equal(ota_envelope_encode(&parts, twice.envelope, sizeof(twice.envelope), &twice.envelope_len), 0);
}

static void threat_one_key_counted_twice(void **state)
{
	static const unsigned release[] = {FAKE_RELEASE, NEW_RELEASE}, roots[] = {FAKE_ROOT, FAKE_ROOT + 1};

	(void)state;
	fake_role_make(&host.keyset.keyset.release, 2, release, 2);
	fake_keyset_sign(&host.keyset, roots, 2);
	up();
	assert_refused(&v2, NULL, -OTA_E_SIG);
	sign_twice(FAKE_RELEASE, FAKE_RELEASE);
	assert_refused(&twice, NULL, -OTA_E_SIG);
	sign_twice(FAKE_RELEASE, NEW_FLEET); /* a key of nobody's beside it */
	assert_refused(&twice, NULL, -OTA_E_SIG);
	sign_twice(NEW_RELEASE, FAKE_RELEASE);
	assert_taken(&twice, NULL);
}

static void threat_rollback_by_an_old_or_equal_sequence(void **state)
{
	struct fake_assignment old;

	(void)state;
	up();
	old = *say(&v3, 6, 1, FAKE_FLEET);
	assert_taken(&v2, say(&v2, 7, 1, FAKE_FLEET));
	up();
	assert_refused(&v3, &old, -OTA_E_REPLAYED);
	assert_refused(&v3, say(&v3, 7, 1, FAKE_FLEET), -OTA_E_REPLAYED); /* equal sequence, other digest */
	assert_int_equal(offer(&v2, say(&v2, 7, 1, FAKE_FLEET)), 0);      /* the same again is no news */
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	/* Not forgotten over a reset, nor with either copy lost. */
	memset(host.flash.now[FAKE_TRUST], 0, 512);
	memset(host.flash.durable[FAKE_TRUST], 0, 512);
	up();
	assert_refused(&v3, &old, -OTA_E_REPLAYED);
	memset(host.flash.now[FAKE_TRUST + FAKE_TRUST_SECTORS / 2], 0, 512);
	memset(host.flash.durable[FAKE_TRUST + FAKE_TRUST_SECTORS / 2], 0, 512);
	up();
	assert_refused(&v3, &old, -OTA_E_REPLAYED);
	assert_taken(&v3, say(&v3, 8, 1, FAKE_FLEET));
}

/* A stolen fleet key says the last number and the last second there are. A root-signed keyset brings the device back, from afar. */
static void threat_fast_forward_and_the_way_back(void **state)
{
	(void)state;
	up();
	(void)say(&v2, UINT64_MAX, 1, FAKE_FLEET);
	word.says.issued_s = INT64_MAX - 1;
	word.says.expires_s = INT64_MAX;
	fake_assignment_sign(&word, (const unsigned[]){FAKE_FLEET}, 1);
	assert_taken(&v2, &word);
	up();
	assert_refused(&v3, say(&v3, 9, 1, FAKE_FLEET), -OTA_E_EXPIRED);
	assert_int_equal(keyset_offer(2, FAKE_RELEASE, NEW_FLEET, 2), 0);
	assert_refused(&v3, say(&v3, 9, 2, FAKE_FLEET), -OTA_E_ASSIGNMENT); /* the stolen key */
	assert_taken(&v3, say(&v3, 1, 2, NEW_FLEET));
	up(); /* and stays so */
	assert_int_equal(ota_keyset_version(host.ota), 2);
	assert_refused(&v4, say(&v4, 9, 2, FAKE_FLEET), -OTA_E_ASSIGNMENT);
}

/* What was true once is replayed when its time is over; the device's own running is clock enough, and a reset does not turn it back. */
static void threat_freeze(void **state)
{
	struct fake_assignment kept;
	uint64_t seconds;

	(void)state;
	up();
	kept = *say(&v2, 5, 1, FAKE_FLEET);
	host.now += WEEK_S * 1000 + HOUR_MS;
	assert_int_equal(ota_heard_s(host.ota, &seconds), false); /* and nobody answered a question of its own */
	assert_refused(&v2, &kept, -OTA_E_EXPIRED);
	assert_taken(&v3, say(&v3, 4, 1, FAKE_FLEET));
	up();
	assert_refused(&v2, &kept, -OTA_E_EXPIRED);
}

/* "Nothing for you" counts as heard only with the number of the question; the fleet's own word, kept and replayed, does not. */
static void threat_freeze_by_an_answer_that_was_kept(void **state)
{
	static const uint8_t asked[] = "question-1", asks[] = "question-2";
	uint64_t seconds;

	(void)state;
	up();
	fake_assignment_make(&word, NULL, 3);
	memcpy(word.says.nonce, asked, sizeof(asked));
	word.says.nonce_len = sizeof(asked);
	fake_assignment_sign(&word, (const unsigned[]){FAKE_FLEET}, 1);
	assert_int_equal(ota_on_idle(host.ota, word.envelope, word.len, asks, sizeof(asks)), -OTA_E_REPLAYED);
	assert_false(ota_heard_s(host.ota, &seconds));
	assert_int_equal(ota_on_idle(host.ota, word.envelope, word.len, asked, sizeof(asked)), 0);
	assert_true(ota_heard_s(host.ota, &seconds));
	host.now += 600 * 1000;
	assert_true(ota_heard_s(host.ota, &seconds));
	assert_int_equal(seconds, 600);
}

/* skerryd with its key in the wrong hands: neither what the release key did not sign, nor what is older than confirmed. */
static void threat_fleet_key_alone(void **state)
{
	static struct fake_image evil;

	(void)state;
	up();
	assert_taken(&v2, say(&v2, 1, 1, FAKE_FLEET));
	fake_image_make(&evil, 9, 9, 5000);
	fake_image_sign(&evil, FAKE_FLEET);
	up();
	assert_refused(&evil, say(&evil, 2, 1, FAKE_FLEET), -OTA_E_SIG);
	assert_refused(&v1, say(&v1, 3, 1, FAKE_FLEET), -OTA_E_COUNTER);
	assert_int_equal(
		offer(&v3, say(&evil, 4, 1, FAKE_FLEET)), -OTA_E_ASSIGNMENT); /* one image's word for another */
}

/* Broker, artifact server and every signed manifest: without the fleet's word for this device and this image nothing is fetched. */
static void threat_broker_alone(void **state)
{
	struct fake_assignment none = {.len = 0};

	(void)state;
	up();
	assert_refused(&v2, &none, -OTA_E_ASSIGNMENT);
	assert_refused(&v2, say(&v3, 1, 1, FAKE_FLEET), -OTA_E_ASSIGNMENT);
	(void)say(&v2, 1, 1, FAKE_FLEET);
	strcpy(word.says.device_id, "dev-2");
	fake_assignment_sign(&word, (const unsigned[]){FAKE_FLEET}, 1);
	assert_refused(&v2, &word, -OTA_E_SCOPE);
	(void)say(&v2, 1, 1, FAKE_FLEET);
	for (size_t i = 0; i < word.len; i += 3) {
		word.envelope[i] ^= 0x10;
		assert_int_not_equal(offer(&v2, &word), 0);
		assert_int_equal(host.fetches, 0);
		word.envelope[i] ^= 0x10;
	}
	assert_taken(&v2, &word);
}

/* The release key alone: its images are nobody's order. */
static void threat_release_key_alone(void **state)
{
	(void)state;
	up();
	assert_refused(&v2, say(&v2, 1, 1, FAKE_RELEASE), -OTA_E_ASSIGNMENT);
	fake_keyset_make(&next, 2);
	fake_keyset_sign(&next, (const unsigned[]){FAKE_RELEASE, FAKE_FLEET}, 2);
	assert_int_equal(ota_on_keyset(host.ota, next.envelope, next.len), -OTA_E_KEYSET);
	assert_int_equal(ota_keyset_version(host.ota), 1);
	assert_runs(&v1, OTA_SLOT_A);
}

/* One root of three, the threshold being two; a version left out; an old one again. */
static void threat_one_root_alone(void **state)
{
	(void)state;
	up();
	assert_int_equal(keyset_offer(2, NEW_RELEASE, NEW_FLEET, 1), -OTA_E_KEYSET);
	fake_keyset_sign(&next, (const unsigned[]){FAKE_ROOT, FAKE_ROOT}, 2);
	assert_int_equal(ota_on_keyset(host.ota, next.envelope, next.len), -OTA_E_KEYSET);
	assert_int_equal(keyset_offer(3, NEW_RELEASE, NEW_FLEET, 2), -OTA_E_KEYSET_VERSION);
	assert_int_equal(ota_keyset_version(host.ota), 1);
	assert_int_equal(keyset_offer(2, NEW_RELEASE, NEW_FLEET, 2), 0);
	assert_int_equal(
		ota_on_keyset(host.ota, host.keyset.envelope, host.keyset.len), 0); /* the first again: no news */
	assert_int_equal(ota_keyset_version(host.ota), 2);
	assert_refused(&v2, say(&v2, 1, 2, NEW_FLEET), -OTA_E_SIG); /* by the key that was revoked */
}

/* aktualizr#1185: months in a drawer; everything it has is expired, and three keysets were made meanwhile. */
static void trap_15_months_offline(void **state)
{
	static struct fake_image image;

	(void)state;
	up();
	assert_taken(&v2, say(&v2, 1, 1, FAKE_FLEET));
	up();
	assert_int_equal(
		offer(&v3, say(&v3, 1, 4, NEW_FLEET)), -OTA_E_KEYSET_VERSION); /* not for good: asked for again */
	assert_int_equal(host.terminals, 0);
	for (uint32_t version = 2; version <= 4; version++)
		assert_int_equal(keyset_offer(version, version == 4 ? NEW_RELEASE : FAKE_RELEASE, NEW_FLEET, 2), 0);
	image = v3;
	fake_image_sign(&image, NEW_RELEASE);
	assert_taken(&image, say(&image, 1, 4, NEW_FLEET));
}

/* mender#1045: a key is exchanged while an update by it is under way. What it signed is not started any more; what the new one signed is. */
static void trap_16_rotation_in_the_middle_of_an_update(void **state)
{
	static struct fake_image image;

	(void)state;
	up();
	host.servers[0].kind = SERVER_SILENT;
	assert_int_equal(offer(&v2, say(&v2, 1, 1, FAKE_FLEET)), 0);
	assert_int_equal(keyset_offer(2, NEW_RELEASE, NEW_FLEET, 2), 0);
	fake_host_run(&host, 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -OTA_E_SIG);
	host.servers[0].kind = SERVER_GOOD;
	image = v2;
	fake_image_sign(&image, NEW_RELEASE);
	assert_taken(&image, say(&image, 1, 2, NEW_FLEET));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(threat_one_key_counted_twice),
		DEVICE_TEST(threat_rollback_by_an_old_or_equal_sequence),
		DEVICE_TEST(threat_fast_forward_and_the_way_back),
		DEVICE_TEST(threat_freeze),
		DEVICE_TEST(threat_freeze_by_an_answer_that_was_kept),
		DEVICE_TEST(threat_fleet_key_alone),
		DEVICE_TEST(threat_broker_alone),
		DEVICE_TEST(threat_release_key_alone),
		DEVICE_TEST(threat_one_root_alone),
		DEVICE_TEST(trap_15_months_offline),
		DEVICE_TEST(trap_16_rotation_in_the_middle_of_an_update),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
