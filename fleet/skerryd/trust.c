/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/assignment.h"
#include "ota/err.h"
#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/audit.h"
#include "skerryd/note.h"
#include "skerryd/sign.h"
#include "skerryd/skerryd.h"

#define SEQUENCES_A_SECOND 65536

/* ---- keys ---- */

static void drop_keys(struct trust *trust)
{
	if (trust->fleet)
		signers_close(trust->fleet);
	free(trust->fleet);
	trust->fleet = NULL;
}

/* In place of those that are loaded, which stay when it fails. 0 or -1. */
static int load_keys(struct skerryd *server, struct fleet_error *error)
{
	struct signers *fleet = malloc(sizeof *fleet);
	if (!fleet)
		return fleet_fail(error, "try again", "out of memory");
	if (signers_open(fleet, error) < 0) {
		free(fleet);
		return -1;
	}
	if (signers_add_folder(fleet, home_path(&server->settings.home, HOME_SERVER).text, "fleet", error) < 0) {
		signers_close(fleet);
		free(fleet);
		return -1;
	}
	drop_keys(&server->trust);
	fleet->sign = sign_quickly;
	server->trust.fleet = fleet;
	return 0;
}

/* Enough of them for this role? */
static int check_keys(struct signers *fleet, const struct ota_keyset *keyset, struct fleet_error *error)
{
	size_t at_hand = signers_count(fleet, &keyset->fleet);
	if (at_hand >= keyset->fleet.threshold)
		return 0;
	return fleet_fail(error,
		"bring the fleet key that `skerry keys rotate fleet` made (fleet-N.key) to " HOME_SERVER
		"/ of the server's home, then `skerry keys push`",
		"keyset %u wants assignments signed by %u fleet keys of it; skerryd has %zu", keyset->version,
		keyset->fleet.threshold, at_hand);
}

bool trust_can_sign(struct trust *trust)
{
	return trust->newest.version && trust->fleet &&
	       signers_count(trust->fleet, &trust->newest.fleet) >= trust->newest.fleet.threshold;
}

int trust_cannot_sign(struct trust *trust, struct fleet_error *error)
{
	if (trust->newest.version)
		return check_keys(trust->fleet, &trust->newest, error);
	return fleet_fail(error, "send it with `skerry keys push`", "skerryd has no keyset");
}

/* ---- keysets ---- */

/* 0, STORE_NONE or -1. */
static int load_newest(struct skerryd *server, struct ota_keyset *keyset)
{
	struct store_keyset row;
	struct ota_signed parts;
	uint8_t *bytes;
	int64_t version;
	int rc = store_keyset_newest(server->store, &version);
	if (rc == 0)
		rc = store_keyset_get(server->store, version, &row, &bytes);
	if (rc)
		return rc;
	rc = ota_keyset_open(bytes, row.len, &parts, keyset) == 0 ? 0 : -1;
	free(bytes);
	return rc;
}

static int put_keyset(struct skerryd *server, const struct store_keyset *row, const struct principal *who)
{
	char text[100], object[40];
	snprintf(text, sizeof text, "keyset %lld counts from now on", (long long)row->version);
	snprintf(object, sizeof object, "keyset/%lld", (long long)row->version);
	if (store_keyset_add(server->store, row, note_now()) != 0)
		return -1;
	if (who && audit_add(server, who, "keyset.add", object, NULL) < 0)
		return -1;
	return skerryd_event(server, &(struct store_event){.kind = "keyset-added", .text = text});
}

/* Those who are there are to ask: their answer brings the keyset first. */
static int ring_online(struct skerryd *server)
{
	json_t *devices, *row;
	size_t index;
	if (store_devices_online(server->store, &devices) < 0)
		return -1;
	json_array_foreach(devices, index, row)
	{
		bell_start(&server->bells, json_string_value(json_object_get(row, "id")), note_now_ms());
	}
	json_decref(devices);
	return 0;
}

/* A group of its own. */
static enum trust_outcome store_one(struct skerryd *server, const struct store_keyset *row, const struct principal *who)
{
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return TRUST_FAILED;
	if (put_keyset(server, row, who) < 0 || ring_online(server) < 0) {
		skerryd_rollback(server);
		return TRUST_FAILED;
	}
	return skerryd_commit(server) < 0 ? TRUST_FAILED : TRUST_TAKEN;
}

/* Is it the very same that we have? */
static enum trust_outcome compare(struct skerryd *server, const struct store_keyset *offered, struct fleet_error *error)
{
	struct store_keyset row;
	uint8_t *bytes;
	int rc = store_keyset_get(server->store, offered->version, &row, &bytes);
	if (rc < 0)
		return TRUST_FAILED;
	bool same = rc == 0 && row.len == offered->len && memcmp(bytes, offered->bytes, row.len) == 0;
	if (rc == 0)
		free(bytes);
	if (same)
		return TRUST_KNOWN;
	fleet_fail(error, "restore the operator's keysets/ from a backup; devices hold the one that was there first",
		"another keyset of version %lld is there", (long long)offered->version);
	return TRUST_CONFLICT;
}

/* Does it follow what we have? TAKEN: yes. */
static enum trust_outcome check_order(
	struct skerryd *server, const struct store_keyset *offered, struct fleet_error *error)
{
	const struct ota_keyset *newest = &server->trust.newest;
	if (offered->version <= newest->version)
		return compare(server, offered, error);
	if (newest->version && offered->version != (int64_t)newest->version + 1) {
		fleet_fail(error, "send each in turn; `skerry keys push` does", "keyset %lld was sent, but %u is due",
			(long long)offered->version, newest->version + 1);
		return TRUST_CONFLICT;
	}
	return TRUST_TAKEN;
}

static enum trust_outcome check_keyset(struct skerryd *server, const struct ota_signed *parts,
	const struct ota_keyset *keyset, struct fleet_error *error)
{
	const struct ota_keyset *newest = &server->trust.newest;
	enum ota_verdict verdict =
		newest->version ? ota_keyset_verify_next(newest, parts, keyset) : ota_keyset_verify(parts, keyset);
	if (verdict == OTA_ACCEPTED)
		return TRUST_TAKEN;
	fleet_fail(error, "make it with `skerry keys rotate`, in the home whose devices these are",
		"keyset %u is not signed by a threshold of the roots before it and of its own", keyset->version);
	return TRUST_REFUSED;
}

/* With the keyset there may have come a new fleet key. A keyset that would leave us without one is not taken, unless we have none anyhow. */
static enum trust_outcome take_checked(struct skerryd *server, const struct ota_keyset *keyset,
	const struct store_keyset *row, const struct principal *who, struct fleet_error *error)
{
	struct trust *trust = &server->trust;
	if (load_keys(server, error) < 0 || (check_keys(trust->fleet, keyset, error) < 0 && trust_can_sign(trust)))
		return TRUST_CONFLICT;
	enum trust_outcome outcome = store_one(server, row, who);
	if (outcome == TRUST_TAKEN) {
		trust->newest = *keyset;
		note("trust: keyset version=%u", keyset->version);
	}
	return outcome;
}

enum trust_outcome trust_take(struct skerryd *server, const uint8_t *bytes, size_t len, const struct principal *who,
	struct fleet_error *error)
{
	struct ota_signed parts;
	struct ota_keyset keyset;
	int code = ota_keyset_open(bytes, len, &parts, &keyset);
	if (code) {
		fleet_fail(error, "send a .keyset file of `skerry keys`", "this is no keyset: %s (%s)",
			ota_err_text(code), ota_err_name(code));
		return TRUST_REFUSED;
	}
	const struct store_keyset row = {keyset.version, (int64_t)keyset.issued_s, bytes, len};
	enum trust_outcome outcome = check_order(server, &row, error);
	if (outcome == TRUST_KNOWN && load_keys(server, error) < 0)
		return TRUST_CONFLICT;
	if (outcome == TRUST_TAKEN)
		outcome = check_keyset(server, &parts, &keyset, error);
	return outcome == TRUST_TAKEN ? take_checked(server, &keyset, &row, who, error) : outcome;
}

int trust_send_newer(struct skerryd *server, const char *device, int64_t version)
{
	struct store_keyset row;
	uint8_t *bytes;
	for (int64_t next = version + 1; next <= server->trust.newest.version; next++) {
		int rc = store_keyset_get(server->store, next, &row, &bytes);
		if (rc)
			return rc < 0 ? -1 : 0; /* a fleet that we took over later does not begin with 1 */
		char *text = text_base64url(bytes, row.len);
		outbox_add(&server->outbox, device, "trust/keyset", json_pack("{s:s}", "keyset", text ? text : ""));
		free(text);
		free(bytes);
	}
	return 0;
}

/* ---- assignments ---- */

static int seal(
	struct trust *trust, const struct ota_assignment *assignment, struct sealed *out, struct fleet_error *error)
{
	uint8_t body[OTA_ASSIGNMENT_BYTES_MAX];
	struct seal seal = {.kind = OTA_SIGNED_ASSIGNMENT, .body = body, .roles = {&trust->newest.fleet}};
	int code = ota_assignment_encode(assignment, body, sizeof body, &seal.body_len);
	if (code)
		return fleet_fail(error, NULL, "cannot encode an assignment: %s", ota_err_text(code));
	if (signers_seal(trust->fleet, &seal, out, error) < 0)
		return -1;
	return out->len <= OTA_ASSIGNMENT_BYTES_MAX
		       ? 0
		       : fleet_fail(error, "lower the threshold of the fleet keys",
				 "the assignment is longer than %d bytes", OTA_ASSIGNMENT_BYTES_MAX);
}

/* The operator must know: devices get no jobs meanwhile. */
static int cannot_assign(struct skerryd *server, const struct fleet_error *error)
{
	char text[FLEET_CAUSE_BYTES + FLEET_REMEDY_BYTES + 40];
	if (!throttle_pass(&server->throttle, 't', "assign", note_now_ms()))
		return STORE_NONE;
	note("trust: cannot-assign reason=\"%s\" remedy=\"%s\"", error->cause, error->remedy);
	snprintf(text, sizeof text, "no jobs are handed out: %s; %s", error->cause, error->remedy);
	return skerryd_event(server, &(struct store_event){.kind = "cannot-assign", .text = text}) < 0 ? -1
												       : STORE_NONE;
}

static struct ota_assignment make_assignment(const struct skerryd *server, const struct trust_word *word)
{
	uint64_t now = (uint64_t)note_now(), since = server->trust.newest.issued_s;
	struct ota_assignment made = {.keyset_version = server->trust.newest.version,
		/* The keyset may have been made by a clock ahead of ours: devices count from it. */
		.issued_s = now > since ? now : since,
		.scope = OTA_SCOPE_DEVICE,
		.has_digest = text_unhex(word->digest, made.digest, sizeof made.digest)};
	size_t nonce_len = word->nonce ? strlen(word->nonce) : 0;
	made.expires_s = made.issued_s + server->settings.assignment_lifetime_s;
	snprintf(made.device_id, sizeof made.device_id, "%s", word->device);
	if (nonce_len <= sizeof made.nonce) {
		memcpy(made.nonce, word->nonce ? word->nonce : "", nonce_len);
		made.nonce_len = nonce_len;
	}
	return made;
}

int trust_assign(struct skerryd *server, const struct trust_word *word, char **text)
{
	struct fleet_error error;
	struct sealed sealed;
	int64_t sequence;
	*text = NULL;
	if (!trust_can_sign(&server->trust)) {
		(void)!trust_cannot_sign(&server->trust, &error);
		return cannot_assign(server, &error);
	}
	struct ota_assignment assignment = make_assignment(server, word);
	if (store_sequence_get(server->store, word->device, word->digest, &sequence) < 0)
		return -1;
	assignment.sequence = (uint64_t)sequence;
	if (seal(&server->trust, &assignment, &sealed, &error) < 0)
		return cannot_assign(server, &error);
	*text = text_base64url(sealed.bytes, sealed.len);
	return *text ? 0 : STORE_NONE;
}

/* ---- start and end ---- */

/* Of a database that is new, or was lost: the keyset that `skerry init` left. */
static int take_first(struct skerryd *server, struct fleet_error *error)
{
	struct home_path path = home_path(&server->settings.home, HOME_FIRST_KEYSET);
	struct file_bytes bytes;
	if (!file_exists(path.text))
		return 0;
	if (file_read(path.text, OTA_KEYSET_BYTES_MAX, &bytes, error) < 0)
		return -1;
	enum trust_outcome outcome = trust_take(server, bytes.data, bytes.len, NULL, error);
	file_bytes_free(&bytes);
	if (outcome == TRUST_FAILED)
		return fleet_fail(error, "free some space, or restore the database from a backup",
			"the database failed: %s", store_error(server->store));
	if (outcome != TRUST_TAKEN)
		note("trust: first-keyset-refused reason=\"%s\" remedy=\"%s\"", error->cause, error->remedy);
	return 0;
}

/*
 * Devices take only numbers above those they know. After a power cut, or with a database restored from a backup, ours may have fallen back: the clock
 * tells one that is surely above.
 */
static int raise_sequence(struct skerryd *server)
{
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return -1;
	if (store_sequence_raise(server->store, note_now() * SEQUENCES_A_SECOND) < 0) {
		skerryd_rollback(server);
		return -1;
	}
	return skerryd_commit(server);
}

int trust_start(struct skerryd *server, struct fleet_error *error)
{
	struct trust *trust = &server->trust;
	if (load_keys(server, error) < 0)
		return -1;
	int rc = raise_sequence(server) < 0 ? -1 : load_newest(server, &trust->newest);
	if (rc < 0)
		return fleet_fail(error, "free some space, or restore the database from a backup",
			"the database failed: %s", store_error(server->store));
	if (rc == STORE_NONE)
		rc = take_first(server, error);
	if (rc == 0 && !trust_can_sign(trust)) {
		(void)!trust_cannot_sign(trust, error);
		note("trust: cannot-assign reason=\"%s\" remedy=\"%s\"", error->cause, error->remedy);
	}
	return rc;
}

void trust_stop(struct trust *trust)
{
	drop_keys(trust);
}
