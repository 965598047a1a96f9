/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keysets from the operator's home to the device's topic, and what skerryd signs: made by the command line's own code, read by the device's codecs. A real
 * database, no broker: what would be published is read from the outbox.
 */
#include "skerryd/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ota/assignment.h"
#include "shared/file.h"
#include "shared/text.h"
#include "skerry/keychain.h"
#include "skerryd/jobs.h"
#include "skerryd/note.h"
#include "skerryd/store_priv.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER  "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct fixture {
	char dir[64];
	struct skerryd server;
	struct signers signers; /* of the operator */
	struct keychain_link newest;
};

static void open_server(struct fixture *f)
{
	struct fleet_error error = {0};
	char path[80];
	snprintf(path, sizeof path, "%s/fleet.db", f->dir);
	outbox_init(&f->server.outbox, "p");
	assert_int_equal(store_open(path, &f->server.store, &error), 0);
	if (trust_start(&f->server, &error) < 0)
		fail_msg("%s; %s", error.cause, error.remedy);
}

static void close_server(struct fixture *f)
{
	outbox_clear(&f->server.outbox);
	bell_free(&f->server.bells);
	trust_stop(&f->server.trust);
	store_close(f->server.store);
	f->server.trust.newest.version = 0;
}

static int set_up(void **state)
{
	struct fleet_error error;
	const struct keychain_plan keys = {.roots = 3, .root_threshold = 2};
	struct fixture *f = calloc(1, sizeof *f);
	struct home *home = &f->server.settings.home;
	bool added;
	strcpy(f->dir, "/tmp/skerry-trust-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(home->dir, sizeof home->dir, "%s", f->dir);
	f->server.settings.prefix = "p";
	f->server.settings.assignment_lifetime_s = 600;
	*state = f;
	if (keychain_init(home, &keys, &error) < 0 || keychain_newest(home, &f->newest, &error) < 0 ||
		signers_open(&f->signers, &error) < 0 ||
		signers_add_folder(&f->signers, home_path(home, HOME_ROOTS).text, "root", &error) < 0)
		return -1;
	open_server(f);
	return store_device_put(f->server.store, "dev", "qemu-virt", 1, &added) < 0 ||
	       store_device_put(f->server.store, "dev2", "qemu-virt", 1, &added) < 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close_server(f);
	signers_close(&f->signers);
	file_remove_tree(f->dir);
	free(f);
	return 0;
}

/* ---- the operator ---- */

/* The keyset after the newest, with a new fleet key if `rotates`, saved beside skerryd. It becomes `newest`. */
static void next_keyset(struct fixture *f, bool rotates)
{
	struct fleet_error error = {0};
	struct keychain_link next = f->newest;
	struct signer *made;
	next.keyset.version++;
	if (rotates) {
		assert_int_equal(signers_make(&f->signers, &made, &error), 0);
		assert_int_equal(keychain_save_key(made, keychain_folder(&f->server.settings.home, KEYCHAIN_FLEET).text,
					 KEYCHAIN_FLEET, &error),
			0);
		memcpy(next.keyset.fleet.keys[0], made->point, OTA_KEY_BYTES);
	}
	if (keychain_seal(&f->signers, &f->newest.keyset, &next, &error) < 0)
		fail_msg("%s; %s", error.cause, error.remedy);
	f->newest = next;
}

static const struct principal operator_ = {.role = ROLE_ADMIN, .name = "operator"};

static enum trust_outcome take(struct fixture *f, const struct keychain_link *link)
{
	struct fleet_error error = {0};
	enum trust_outcome outcome = trust_take(&f->server, link->bytes.bytes, link->bytes.len, &operator_, &error);
	if (outcome == TRUST_REFUSED || outcome == TRUST_CONFLICT) {
		assert_true(*error.cause);
		assert_true(*error.remedy);
	}
	return outcome;
}

/* ---- the device ---- */

/* Check an assignment as a device would that holds `keyset`, but for what was before. */
static void open_assignment(
	const struct ota_keyset *keyset, const char *base64, struct ota_assignment *out, const char *device)
{
	struct ota_signed parts;
	uint8_t bytes[OTA_ASSIGNMENT_BYTES_MAX];
	assert_non_null(base64);
	long len = text_unbase64url(base64, bytes, sizeof bytes);
	assert_true(len > 0);
	assert_int_equal(ota_assignment_open(bytes, (size_t)len, &parts, out), 0);
	assert_int_equal(ota_signed_verify(&parts, &keyset->fleet), OTA_ACCEPTED);
	assert_int_equal(out->keyset_version, keyset->version);
	assert_int_equal(out->scope, OTA_SCOPE_DEVICE);
	assert_string_equal(out->device_id, device);
}

static struct ota_assignment assigned(struct fixture *f, const char *device, const char *digest, const char *nonce)
{
	struct ota_assignment out;
	char *text = NULL;
	assert_int_equal(trust_assign(&f->server, &(struct trust_word){device, digest, nonce}, &text), 0);
	open_assignment(&f->server.trust.newest, text, &out, device);
	free(text);
	return out;
}

static size_t events_of_kind(struct fixture *f, const char *kind)
{
	json_t *rows, *row;
	size_t index, count = 0;
	assert_int_equal(
		store_events_json(f->server.store, &(struct store_event_query){.limit = STORE_ROWS_MAX}, &rows), 0);
	json_array_foreach(rows, index, row)
	{
		count += strcmp(json_string_value(json_object_get(row, "kind")), kind) == 0;
	}
	json_decref(rows);
	return count;
}

/* ---- tests ---- */

static void says_what_it_should(void **state)
{
	struct fixture *f = *state;
	uint8_t digest[32];
	int64_t now = note_now();
	struct ota_assignment a = assigned(f, "dev", DIGEST, "a nonce of 20 bytes.");
	assert_true(text_unhex(DIGEST, digest, 32));
	assert_true(a.has_digest);
	assert_memory_equal(a.digest, digest, 32);
	assert_true((int64_t)a.issued_s >= now && (int64_t)a.issued_s <= note_now());
	assert_int_equal(a.expires_s - a.issued_s, 600);
	assert_int_equal(a.nonce_len, 20);
	assert_memory_equal(a.nonce, "a nonce of 20 bytes.", 20);
	a = assigned(f, "dev", "", NULL);
	assert_false(a.has_digest);
	assert_int_equal(a.nonce_len, 0);
	/* A token that is too long for a nonce is left out: it must not be cut. */
	assert_int_equal(assigned(f, "dev", "", "0123456789012345678901234567890123").nonce_len, 0);
}

static void sequence(void **state)
{
	struct fixture *f = *state;
	uint64_t first = assigned(f, "dev", DIGEST, NULL).sequence;
	assert_int_equal(assigned(f, "dev", DIGEST, "t").sequence, first); /* sent again: the device takes it again */
	uint64_t idle = assigned(f, "dev", "", NULL).sequence;
	assert_true(idle > first);
	assert_int_equal(assigned(f, "dev", "", NULL).sequence, idle);
	uint64_t elsewhere = assigned(f, "dev2", DIGEST, NULL).sequence;
	assert_true(elsewhere > idle);
	assert_int_equal(assigned(f, "dev", "", NULL).sequence, idle); /* another device's does not disturb it */
	uint64_t again = assigned(f, "dev", DIGEST, NULL).sequence;
	assert_true(again > elsewhere); /* what was withdrawn comes back as something new */
}

/* A database from a backup, or one that a power cut took back: numbers are still above those that devices know. */
static void sequence_after_loss(void **state)
{
	struct fixture *f = *state;
	char path[100];
	bool added;
	uint64_t known = 0;
	for (int i = 0; i < 50; i++)
		known = assigned(f, "dev", i % 2 ? DIGEST : "", NULL).sequence;
	close_server(f);
	for (const char *const *tail = (const char *const[]){"", "-wal", "-shm", NULL}; *tail; tail++) {
		snprintf(path, sizeof path, "%s/fleet.db%s", f->dir, *tail);
		unlink(path);
	}
	sleep(1); /* the clock goes on */
	open_server(f);
	assert_int_equal(store_device_put(f->server.store, "dev", "qemu-virt", 1, &added), 0);
	assert_true(assigned(f, "dev", OTHER, NULL).sequence > known);
	/* A restart forgets what was assigned: a number that fell back would be refused by the device for ever. */
	known = assigned(f, "dev", OTHER, NULL).sequence;
	close_server(f);
	open_server(f);
	assert_true(assigned(f, "dev", OTHER, NULL).sequence > known);
}

static void chain(void **state)
{
	struct fixture *f = *state;
	struct keychain_link first = f->newest, second;
	assert_int_equal(f->server.trust.newest.version, 1); /* of server/first.keyset */
	assert_int_equal(take(f, &first), TRUST_KNOWN);
	next_keyset(f, false);
	second = f->newest;
	next_keyset(f, true);
	assert_int_equal(take(f, &f->newest), TRUST_CONFLICT); /* 2 is due */
	assert_int_equal(take(f, &second), TRUST_TAKEN);
	assert_int_equal(take(f, &f->newest), TRUST_TAKEN);
	assert_int_equal(take(f, &second), TRUST_KNOWN);
	assert_int_equal(f->server.trust.newest.version, 3);
	assert_int_equal(events_of_kind(f, "keyset-added"), 3);
	/* Signed by the new fleet key, which was read with the keyset. */
	assert_int_equal(assigned(f, "dev", DIGEST, NULL).keyset_version, 3);
	close_server(f);
	open_server(f);
	assert_int_equal(f->server.trust.newest.version, 3);
	assert_int_equal(assigned(f, "dev", DIGEST, NULL).keyset_version, 3);
}

static void refused(void **state)
{
	struct fixture *f = *state;
	struct keychain_link honest = f->newest, bad;
	next_keyset(f, false);
	for (size_t at = 0; at < f->newest.bytes.len; at += 7) {
		bad = f->newest;
		bad.bytes.bytes[at] ^= 1;
		assert_int_not_equal(take(f, &bad), TRUST_TAKEN);
	}
	bad = f->newest;
	bad.bytes.len--;
	assert_int_equal(take(f, &bad), TRUST_REFUSED);
	assert_int_equal(f->server.trust.newest.version, 1);
	/* Another keyset of a version that is there: two operators' homes went apart. */
	assert_int_equal(take(f, &f->newest), TRUST_TAKEN);
	f->newest = honest;
	f->newest.keyset.issued_s++;
	next_keyset(f, false);
	assert_int_equal(take(f, &f->newest), TRUST_CONFLICT);
}

/* A keyset whose fleet key did not come along must not stop the fleet. */
static unsigned audited(const struct fixture *f)
{
	json_t *rows;
	assert_int_equal(
		store_select(f->server.store, &rows, "SELECT n FROM audit WHERE action = 'keyset.add'", ""), 0);
	unsigned count = (unsigned)json_array_size(rows);
	json_decref(rows);
	return count;
}

/* Both are there or neither: a keyset that nobody is known to have given, counts for nobody. */
static void written_down(void **state)
{
	struct fixture *f = *state;
	int64_t newest;
	next_keyset(f, false);
	assert_int_equal(
		store_run(f->server.store,
			"CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'no'); END", ""),
		0);
	assert_int_equal(take(f, &f->newest), TRUST_FAILED);
	assert_int_equal(store_keyset_newest(f->server.store, &newest), 0);
	assert_int_equal(newest, 1);
	assert_int_equal(f->server.trust.newest.version, 1);
	assert_int_equal(store_run(f->server.store, "DROP TRIGGER refuse", ""), 0);
	assert_int_equal(take(f, &f->newest), TRUST_TAKEN);
	assert_int_equal(audited(f), 1);
}

static void key_is_missing(void **state)
{
	struct fixture *f = *state;
	next_keyset(f, true);
	struct home_path key = home_path(&f->server.settings.home, HOME_SERVER "/fleet-2.key"),
			 away = home_path(&f->server.settings.home, "away");
	assert_int_equal(rename(key.text, away.text), 0);
	assert_int_equal(take(f, &f->newest), TRUST_CONFLICT);
	assert_int_equal(assigned(f, "dev", DIGEST, NULL).keyset_version, 1); /* goes on as before */
	assert_int_equal(rename(away.text, key.text), 0);
	assert_int_equal(take(f, &f->newest), TRUST_TAKEN);
	assert_int_equal(assigned(f, "dev", DIGEST, NULL).keyset_version, 2);
}

/* Without its key skerryd hands out no job: the device would end it for good. When the key is back, sending the keyset again is enough. */
static void no_key_at_all(void **state)
{
	struct fixture *f = *state;
	char *text;
	struct home_path key = home_path(&f->server.settings.home, HOME_SERVER "/fleet-1.key"),
			 away = home_path(&f->server.settings.home, "away");
	assert_int_equal(rename(key.text, away.text), 0);
	close_server(f);
	open_server(f);
	assert_false(trust_can_sign(&f->server.trust));
	assert_int_equal(trust_assign(&f->server, &(struct trust_word){"dev", DIGEST, NULL}, &text), STORE_NONE);
	assert_null(text);
	assert_int_equal(events_of_kind(f, "cannot-assign"), 1);
	assert_int_equal(rename(away.text, key.text), 0);
	assert_int_equal(take(f, &f->newest), TRUST_KNOWN);
	assert_true(assigned(f, "dev", DIGEST, NULL).sequence > 0);
}

/* What a device gets that asks, and holds version `held`: the keysets' versions, then the answer. */
static void ask(struct fixture *f, const char *request, const int *versions, size_t count)
{
	json_t *body = json_loads(request, 0, NULL);
	assert_int_equal(jobs_on_get(&f->server, "dev", body), 0);
	json_decref(body);
	const struct outbox_letter *letter = f->server.outbox.first;
	for (size_t i = 0; i < count; i++, letter = letter->next) {
		struct ota_signed parts;
		struct ota_keyset keyset;
		uint8_t bytes[OTA_KEYSET_BYTES_MAX];
		assert_non_null(letter);
		assert_string_equal(letter->topic, "p/dev/trust/keyset");
		json_t *message = json_loads(letter->text, 0, NULL);
		long len = text_unbase64url(json_string_value(json_object_get(message, "keyset")), bytes, sizeof bytes);
		assert_true(len > 0);
		assert_int_equal(ota_keyset_open(bytes, (size_t)len, &parts, &keyset), 0);
		assert_int_equal(keyset.version, versions[i]);
		json_decref(message);
	}
	assert_non_null(letter);
	assert_string_equal(letter->topic, "p/dev/jobs/$next/get/accepted");
	assert_null(letter->next);
	json_t *answer = json_loads(letter->text, 0, NULL);
	struct ota_assignment idle;
	open_assignment(
		&f->server.trust.newest, json_string_value(json_object_get(answer, "assignment")), &idle, "dev");
	assert_false(idle.has_digest);
	json_decref(answer);
	outbox_clear(&f->server.outbox);
}

static void brought_in_order(void **state)
{
	struct fixture *f = *state;
	const int versions[] = {2, 3};
	json_t *device;
	for (int i = 0; i < 2; i++) {
		next_keyset(f, i == 1);
		assert_int_equal(take(f, &f->newest), TRUST_TAKEN);
	}
	ask(f, "{\"clientToken\":\"t\",\"keyset\":1}", versions, 2);
	ask(f, "{\"clientToken\":\"t\",\"keyset\":2}", versions + 1, 1);
	ask(f, "{\"clientToken\":\"t\",\"keyset\":3}", versions, 0);
	ask(f, "{\"clientToken\":\"t\",\"keyset\":4294967295}", versions, 0);
	ask(f, "{\"clientToken\":\"t\"}", versions, 0); /* does not say: an agent from before */
	assert_int_equal(store_device_json(f->server.store, "dev", &device), 0);
	assert_int_equal(json_integer_value(json_object_get(device, "keyset")), 4294967295);
	json_decref(device);
}

static void told_at_once(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store_presence_put(f->server.store, "dev", true, 1, 1), 0);
	next_keyset(f, false);
	assert_int_equal(take(f, &f->newest), TRUST_TAKEN);
	assert_string_equal(bell_due(&f->server.bells, note_now_ms()), "dev");
	assert_null(bell_due(&f->server.bells, note_now_ms())); /* dev2 is not there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(says_what_it_should, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sequence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sequence_after_loss, set_up, tear_down),
		cmocka_unit_test_setup_teardown(chain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(written_down, set_up, tear_down),
		cmocka_unit_test_setup_teardown(key_is_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_key_at_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(brought_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(told_at_once, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("fleet/trust", tests, NULL, NULL);
}
