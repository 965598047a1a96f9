/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/verify.h"
#include "shared/text.h"
#include "skerryd/devices.h"
#include "skerryd/note.h"

#define RATE_PER_S    50
#define RATE_BURST    200
#define KEY_ID_DIGITS 12
#define SERIAL_MAX    32
#define RENEW_PAUSE_S 60

/* ---- ids ---- */

/* The part of the pattern that begins at *at, into id[]; false: it does not fit. */
static bool add_text(char id[65], size_t *len, const char *text, size_t count)
{
	if (count > 64 - *len)
		return false;
	memcpy(id + *len, text, count);
	*len += count;
	id[*len] = 0;
	return true;
}

bool enrol_id(const char *pattern, const char *key_digest, const char *serial, char id[65])
{
	size_t len = 0;
	bool fits = true;
	id[0] = 0;
	while (fits && *pattern) {
		size_t plain = strcspn(pattern, "{");
		fits = add_text(id, &len, pattern, plain);
		pattern += plain;
		if (strncmp(pattern, "{key}", 5) == 0) {
			fits = fits && add_text(id, &len, key_digest, KEY_ID_DIGITS);
			pattern += 5;
		} else if (strncmp(pattern, "{serial}", 8) == 0) {
			fits = fits && serial && add_text(id, &len, serial, strlen(serial));
			pattern += 8;
		} else if (*pattern) {
			return false;
		}
	}
	return fits && text_is_id(id);
}

/* ---- what is under way ---- */

struct claiming {
	struct skerryd *server;
	const struct enrol_claim *claim;
	struct store_enrolment enrolment;
	mbedtls_x509_csr request;
	char key_digest[65];
	struct store_holder *holder;
	struct store_certificate *certificate;
	struct fleet_error *error;
};

static enum enrol_outcome refuse(struct claiming *c, enum enrol_outcome outcome, const char *remedy, const char *cause)
{
	(void)!fleet_fail(c->error, remedy, "%s", cause);
	return outcome;
}

static bool rate_pass(struct enrol_rate *rate)
{
	int64_t now = note_now_ms(), earned = (now - rate->filled_ms) * RATE_PER_S / 1000;
	if (earned > 0) {
		rate->tokens = rate->tokens + earned > RATE_BURST ? RATE_BURST : rate->tokens + earned;
		rate->filled_ms = now;
	}
	return rate->tokens > 0 && rate->tokens-- > 0;
}

/* ---- the steps ---- */

static enum enrol_outcome add_device(struct claiming *c)
{
	struct skerryd *server = c->server;
	bool added;
	char text[200];
	snprintf(c->holder->state, sizeof c->holder->state, "active");
	snprintf(c->holder->tenant, sizeof c->holder->tenant, "%s", c->enrolment.tenant);
	if (devices_put(server, c->holder->device, c->enrolment.board, &added) < 0 ||
		store_holder_put(server->store, c->holder, c->key_digest, c->enrolment.attributes) < 0)
		return ENROL_FAILED;
	snprintf(text, sizeof text, "%s claimed its identity with enrolment %s", c->holder->device, c->enrolment.id);
	if (skerryd_event(server,
		    &(struct store_event){.kind = "device-enrolled", .device = c->holder->device, .text = text}) < 0)
		return ENROL_FAILED;
	return ENROL_CERTIFIED;
}

static enum enrol_outcome admit_new(struct claiming *c)
{
	struct skerryd *server = c->server;
	struct store_holder other;
	if (c->enrolment.expires_at <= note_now())
		return refuse(c, ENROL_REFUSED, "make another with `skerry enrol create`", "the token has expired");
	if (!enrol_id(c->enrolment.pattern, c->key_digest, c->claim->serial, c->holder->device))
		return refuse(c, ENROL_REFUSED, "use a pattern without {serial}",
			"the pattern of the enrolment makes no device id");
	int rc = store_holder_get(server->store, c->holder->device, &other);
	if (rc == 0)
		return refuse(c, ENROL_CONFLICT, "use another pattern, with {key}", "another device has this id");
	if (rc == STORE_NONE)
		rc = store_enrolment_use(server->store, c->enrolment.id);
	if (rc == STORE_NONE)
		return refuse(c, ENROL_REFUSED, "make another with `skerry enrol create`", "the token is used up");
	return rc < 0 ? ENROL_FAILED : add_device(c);
}

static enum enrol_outcome certify(struct claiming *c)
{
	struct skerryd *server = c->server;
	uint64_t lifetime_s = server->settings.certificate_lifetime_s;
	int rc = store_certificate_newest(server->store, c->holder->device, c->certificate);
	if (rc < 0)
		return ENROL_FAILED;
	/* Its answer was lost, or it was written to flash and not read: the same again. */
	if (rc == 0 && c->certificate->expires_at - note_now() > (int64_t)(lifetime_s / 3))
		return ENROL_CERTIFIED;
	const struct issuer_order order = {.request = &c->request, .id = c->holder->device, .valid_s = lifetime_s};
	if (issuer_certify(&server->issuer, &order, c->certificate, c->error) < 0)
		return ENROL_MALFORMED;
	rc = store_certificate_add(server->store, c->holder->device, c->certificate, note_now());
	return rc < 0 ? ENROL_FAILED : ENROL_CERTIFIED;
}

static enum enrol_outcome decide(struct claiming *c)
{
	int rc = store_holder_by_key(c->server->store, c->key_digest, c->holder);
	if (rc < 0)
		return ENROL_FAILED;
	if (rc == 0 && strcmp(c->holder->state, "active") != 0)
		return refuse(
			c, ENROL_REFUSED, "make it a new key, or leave it out", "the device was revoked or retired");
	enum enrol_outcome outcome = rc == 0 ? ENROL_CERTIFIED : admit_new(c);
	return outcome == ENROL_CERTIFIED ? certify(c) : outcome;
}

static enum enrol_outcome in_group(struct claiming *c)
{
	if (skerryd_begin(c->server, STORE_KEPT_ON_POWER_CUT) < 0)
		return ENROL_FAILED;
	enum enrol_outcome outcome = decide(c);
	if (outcome == ENROL_FAILED)
		skerryd_rollback(c->server);
	else if (outcome != ENROL_CERTIFIED)
		skerryd_abandon(c->server);
	else if (skerryd_commit(c->server) < 0)
		outcome = ENROL_FAILED;
	return outcome;
}

/* What is cheap and needs no signature comes first. */
static enum enrol_outcome check(struct claiming *c)
{
	const struct enrol_claim *claim = c->claim;
	uint8_t hash[32];
	if (!c->server->issuer.present)
		return refuse(c, ENROL_NO_ISSUER, "run `skerry init --add-issuer`, then start broker and skerryd again",
			"this home has no issuer of device certificates");
	if (claim->serial && (!text_is_id(claim->serial) || strlen(claim->serial) > SERIAL_MAX))
		return refuse(
			c, ENROL_MALFORMED, "letters, digits, '_', '-', at most 32", "serial is no serial number");
	ota_sha256(claim->token, strlen(claim->token), hash);
	int rc = store_enrolment_find(c->server->store, hash, &c->enrolment);
	if (rc == STORE_NONE)
		return refuse(c, ENROL_REFUSED, "make one with `skerry enrol create`", "no such enrolment token");
	if (rc < 0)
		return ENROL_FAILED;
	if (strcmp(claim->board, c->enrolment.board) != 0)
		return refuse(c, ENROL_REFUSED, "make an enrolment for this board", "the token is for another board");
	return ENROL_CERTIFIED;
}

static void note_refused(struct skerryd *server, const struct fleet_error *error)
{
	if (throttle_pass(&server->throttle, 'e', error->cause, note_now_ms()))
		note("enrol: refused reason=\"%s\"", error->cause);
}

enum enrol_outcome enrol_claim(struct skerryd *server, const struct enrol_claim *claim, struct store_holder *holder,
	struct store_certificate *certificate, struct fleet_error *error)
{
	struct claiming c = {
		.server = server, .claim = claim, .holder = holder, .certificate = certificate, .error = error};
	memset(holder, 0, sizeof *holder);
	enum enrol_outcome outcome = check(&c);
	if (outcome == ENROL_CERTIFIED && !rate_pass(&server->enrol_rate))
		outcome = refuse(&c, ENROL_BUSY, "try again in a second", "too many devices claim at once");
	if (outcome == ENROL_CERTIFIED) {
		if (issuer_read_request(claim->csr, claim->csr_len, &c.request, c.key_digest, error) < 0) {
			outcome = ENROL_MALFORMED;
		} else {
			outcome = in_group(&c);
			mbedtls_x509_csr_free(&c.request);
		}
	}
	if (outcome != ENROL_CERTIFIED && outcome != ENROL_FAILED)
		note_refused(server, error);
	return outcome;
}

/* ---- renewal ---- */

/* Whose key it is decides; the name in the topic is the broker's word, and must agree. */
static enum enrol_outcome check_renewal(struct claiming *c, const char *device)
{
	int rc = store_holder_by_key(c->server->store, c->key_digest, c->holder);
	if (rc < 0)
		return ENROL_FAILED;
	if (rc == STORE_NONE || strcmp(c->holder->device, device) != 0)
		return refuse(c, ENROL_REFUSED, "claim a new identity", "a renewal with another key than the device's");
	return ENROL_CERTIFIED;
}

/* One that was issued a moment ago is sent again: its answer may have been lost. */
static enum enrol_outcome issue(struct claiming *c)
{
	uint64_t lifetime_s = c->server->settings.certificate_lifetime_s;
	const struct issuer_order order = {.request = &c->request, .id = c->holder->device, .valid_s = lifetime_s};
	int rc = store_certificate_newest(c->server->store, c->holder->device, c->certificate);
	if (rc == 0 && c->certificate->expires_at + RENEW_PAUSE_S >= note_now() + (int64_t)lifetime_s)
		return ENROL_CERTIFIED;
	if (rc < 0)
		return ENROL_FAILED;
	if (issuer_certify(&c->server->issuer, &order, c->certificate, c->error) < 0)
		return ENROL_MALFORMED;
	rc = store_certificate_add(c->server->store, c->holder->device, c->certificate, note_now());
	return rc < 0 ? ENROL_FAILED : ENROL_CERTIFIED;
}

static enum enrol_outcome renew(struct claiming *c, const char *device)
{
	if (!c->server->issuer.present)
		return refuse(c, ENROL_NO_ISSUER, "run `skerry init --add-issuer`", "no issuer to renew with");
	if (!rate_pass(&c->server->enrol_rate))
		return refuse(c, ENROL_BUSY, "", "too many certificates at once");
	if (issuer_read_request(c->claim->csr, c->claim->csr_len, &c->request, c->key_digest, c->error) < 0)
		return ENROL_MALFORMED;
	enum enrol_outcome outcome = check_renewal(c, device);
	if (outcome == ENROL_CERTIFIED)
		outcome = issue(c);
	mbedtls_x509_csr_free(&c->request);
	return outcome;
}

int enrol_renew(struct skerryd *server, const char *device, const uint8_t *csr, size_t csr_len)
{
	const struct enrol_claim claim = {.csr = csr, .csr_len = csr_len};
	struct store_holder holder;
	struct store_certificate certificate;
	struct fleet_error error;
	struct claiming c = {
		.server = server, .claim = &claim, .holder = &holder, .certificate = &certificate, .error = &error};
	enum enrol_outcome outcome = renew(&c, device);
	if (outcome == ENROL_FAILED)
		return -1;
	if (outcome != ENROL_CERTIFIED) {
		note_refused(server, &error);
		return 0;
	}
	char *text = text_base64url(certificate.bytes, certificate.len);
	if (text)
		outbox_add(&server->outbox, device, "cert/issued", json_pack("{s:s}", "certificate", text));
	free(text);
	return 0;
}
