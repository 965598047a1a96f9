/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/enrolments, and /claim, where devices come with their tokens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/devices.h"
#include "skerryd/enrol.h"
#include "skerryd/http_api.h"
#include "skerryd/note.h"
#include "skerryd/revoke.h"

#define USES_MAX       1000000
#define LIFETIME_S_MAX 315360000

/* ---- enrolments ---- */

static int get_enrolments(struct http_request *request)
{
	json_t *rows;
	if (store_enrolments_json(request->server->store, request->who.tenant, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "enrolments", rows);
}

static bool read_number(const json_t *body, const char *name, int64_t max, int64_t *value)
{
	const json_t *member = json_object_get(body, name);
	if (member)
		*value = json_integer_value(member);
	return !member || (json_is_integer(member) && *value >= 1 && *value <= max);
}

/* What is wrong with the body; NULL: nothing. */
static const char *read_enrolment(const json_t *body, struct store_enrolment *enrolment, struct fleet_error *error)
{
	static const char some_key[] = "0123456789abcdef", some_serial[] = "0";
	const char *board = json_string_value(json_object_get(body, "board"));
	const json_t *pattern = json_object_get(body, "pattern");
	json_t *attributes = json_object_get(body, "attributes");
	int64_t lifetime_s = 30 * 86400;
	char id[65];
	enrolment->uses_left = 1;
	if (!board || !text_is_name(board))
		return "board is missing or not a board's name";
	if (!read_number(body, "uses", USES_MAX, &enrolment->uses_left))
		return "uses is not a number from 1 to 1000000";
	if (!read_number(body, "lifetimeS", LIFETIME_S_MAX, &lifetime_s))
		return "lifetimeS is not a number of seconds, at most ten years";
	if (pattern && !json_is_string(pattern))
		return "pattern is no text";
	snprintf(enrolment->board, sizeof enrolment->board, "%s", board);
	snprintf(enrolment->pattern, sizeof enrolment->pattern, "%s",
		pattern ? json_string_value(pattern) : "dev-{key}");
	if ((pattern && json_string_length(pattern) >= sizeof enrolment->pattern) ||
		!enrol_id(enrolment->pattern, some_key, some_serial, id))
		return "pattern makes no device id: letters, digits, '_', '-', {key}, {serial}";
	if (enrolment->uses_left > 1 && !strchr(enrolment->pattern, '{'))
		return "pattern gives every device the same id: it needs {key} or {serial}";
	if (attributes && devices_check_attributes(attributes, error) < 0)
		return error->cause;
	char *text = attributes ? json_dumps(attributes, JSON_COMPACT) : NULL;
	snprintf(enrolment->attributes, sizeof enrolment->attributes, "%s", text ? text : "");
	free(text);
	enrolment->added_at = note_now();
	enrolment->expires_at = enrolment->added_at + lifetime_s;
	return NULL;
}

/* The token is told once, here; what is kept is its hash. */
static int make_token(struct http_request *request, struct store_enrolment *enrolment, char **token)
{
	struct skerryd *server = request->server;
	uint8_t secret[32], id[8], hash[32];
	if (mbedtls_ctr_drbg_random(&server->issuer.random.drbg, secret, sizeof secret) ||
		mbedtls_ctr_drbg_random(&server->issuer.random.drbg, id, sizeof id))
		return -1;
	*token = text_base64url(secret, sizeof secret);
	explicit_bzero(secret, sizeof secret);
	if (!*token)
		return -1;
	text_hex(id, sizeof id, enrolment->id);
	ota_sha256(*token, strlen(*token), hash);
	const char *tenant = *request->who.tenant ? request->who.tenant : "default";
	snprintf(enrolment->tenant, sizeof enrolment->tenant, "%s", tenant);
	return store_enrolment_add(server->store, enrolment, hash);
}

static int reply_token(struct http_request *request, const struct store_enrolment *enrolment, const char *token)
{
	return http_reply_json(request, MHD_HTTP_CREATED,
		json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "id", enrolment->id, "token", token, "board",
			enrolment->board, "pattern", enrolment->pattern, "usesLeft", (json_int_t)enrolment->uses_left,
			"expiresAt", (json_int_t)enrolment->expires_at));
}

static int add_enrolment(struct http_request *request, struct store_enrolment *enrolment)
{
	char *token = NULL;
	int reply;
	if (skerryd_begin(request->server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = make_token(request, enrolment, &token);
	const struct http_act act = {.action = "enrolment.create",
		.what = "enrolment",
		.id = enrolment->id,
		.details = json_pack("{s:s, s:s, s:I, s:I}", "board", enrolment->board, "pattern", enrolment->pattern,
			"uses", (json_int_t)enrolment->uses_left, "expiresAt", (json_int_t)enrolment->expires_at)};
	if (http_end_act(request, rc, &act, &reply) == 0)
		reply = reply_token(request, enrolment, token);
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
	return reply;
}

static int post_enrolment(struct http_request *request)
{
	static const char *const members[] = {"board", "pattern", "uses", "lifetimeS", "attributes", NULL};
	struct store_enrolment enrolment = {0};
	struct fleet_error error;
	int rc;
	if (!request->server->issuer.present)
		return http_reply_error(request, MHD_HTTP_CONFLICT,
			"run `skerry init --add-issuer`, then start broker and skerryd again",
			"this home has no issuer of device certificates");
	json_t *body = http_body_json(request, &rc);
	if (!body)
		return rc;
	if (http_check_members(request, body, members, &rc)) {
		const char *wrong = read_enrolment(body, &enrolment, &error);
		rc = wrong ? http_reply_error(request, MHD_HTTP_BAD_REQUEST, "see fleet/API.md", "%s", wrong)
			   : add_enrolment(request, &enrolment);
	}
	json_decref(body);
	return rc;
}

static int delete_enrolment(struct http_request *request)
{
	const struct http_act act = {.action = "enrolment.revoke", .what = "enrolment"};
	int reply;
	if (skerryd_begin(request->server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = store_enrolment_remove(request->server->store, request->who.tenant, request->id);
	if (http_end_act(request, rc, &act, &reply) == 0)
		reply = http_reply_json(request, MHD_HTTP_OK, json_pack("{s:s}", "id", request->id));
	return reply;
}

/* ---- revoke ---- */

static int revoke_in_group(struct http_request *request)
{
	struct skerryd *server = request->server;
	const char *id = request->id;
	char text[200];
	snprintf(text, sizeof text, "%s was revoked: neither broker nor skerryd let it in", id);
	/* Its open job ends, it leaves its rollouts, it counts as offline. */
	int rc = devices_retire(server, id);
	if (rc == 0)
		rc = store_device_state_put(server->store, id, "revoked");
	if (rc == 0)
		rc = skerryd_event(server, &(struct store_event){.kind = "device-revoked", .device = id, .text = text});
	return rc;
}

static int post_revoke(struct http_request *request)
{
	static const char *const told[] = {[REVOKE_TOLD] = "told",
		[REVOKE_NOT_WRITTEN] = "its ACL cannot be written",
		[REVOKE_NO_BROKER] = "not told: send it SIGHUP"};
	const struct http_act act = {.action = "device.revoke", .what = "device"};
	int rc;
	if (!http_device_is_visible(request, &rc))
		return rc;
	if (skerryd_begin(request->server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	if (http_end_act(request, revoke_in_group(request), &act, &rc) == 0)
		rc = http_reply_json(request, MHD_HTTP_OK,
			json_pack("{s:s, s:s, s:s}", "id", request->id, "state", "revoked", "broker",
				told[revoke_tell_broker(request->server)]));
	return rc;
}

/* ---- claims ---- */

static int reply_certified(
	struct http_request *request, const struct store_holder *holder, const struct store_certificate *certificate)
{
	char *text = text_base64url(certificate->bytes, certificate->len);
	json_t *body = text ? json_pack("{s:s, s:s}", "device", holder->device, "certificate", text) : NULL;
	free(text);
	return http_reply_json(request, MHD_HTTP_OK, body);
}

static int claim(struct http_request *request, const struct enrol_claim *claim)
{
	static const unsigned statuses[] = {[ENROL_MALFORMED] = MHD_HTTP_BAD_REQUEST,
		[ENROL_REFUSED] = MHD_HTTP_FORBIDDEN,
		[ENROL_CONFLICT] = MHD_HTTP_CONFLICT,
		[ENROL_BUSY] = MHD_HTTP_TOO_MANY_REQUESTS,
		[ENROL_NO_ISSUER] = MHD_HTTP_SERVICE_UNAVAILABLE};
	struct store_certificate certificate;
	struct store_holder holder;
	struct fleet_error error = {0};
	enum enrol_outcome outcome = enrol_claim(request->server, claim, &holder, &certificate, &error);
	if (outcome == ENROL_CERTIFIED)
		return reply_certified(request, &holder, &certificate);
	if (outcome == ENROL_FAILED)
		return http_reply_store(request);
	return http_reply_problem(request, statuses[outcome], &error);
}

static int post_claim(struct http_request *request)
{
	static const char *const members[] = {"token", "board", "csr", "serial", NULL};
	uint8_t csr[ENROL_CSR_MAX];
	int rc;
	json_t *body = http_body_json(request, &rc);
	if (!body)
		return rc;
	const char *text = json_string_value(json_object_get(body, "csr"));
	long len = text ? text_unbase64url(text, csr, sizeof csr) : -1;
	const struct enrol_claim asked = {.token = json_string_value(json_object_get(body, "token")),
		.board = json_string_value(json_object_get(body, "board")),
		.serial = json_string_value(json_object_get(body, "serial")),
		.csr = csr,
		.csr_len = (size_t)(len < 0 ? 0 : len)};
	if (!http_check_members(request, body, members, &rc))
		; /* answered */
	else if (!asked.token || !asked.board || len <= 0)
		rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, "see SPEC §13",
			"token, board or csr is missing, or csr is not base64url of at most %d bytes", ENROL_CSR_MAX);
	else
		rc = claim(request, &asked);
	json_decref(body);
	return rc;
}

const struct http_route http_enrolment_routes[] = {
	{"GET", "/api/v1/enrolments", HTTP_BODY_NONE, get_enrolments, ROLE_VIEWER},
	{"POST", "/api/v1/enrolments", HTTP_BODY_JSON, post_enrolment, ROLE_OPERATOR},
	{"DELETE", "/api/v1/enrolments/*", HTTP_BODY_NONE, delete_enrolment, ROLE_OPERATOR},
	{"POST", "/api/v1/devices/*/revoke", HTTP_BODY_NONE, post_revoke, ROLE_OPERATOR},
	{"POST", "/claim", HTTP_BODY_CLAIM, post_claim, ROLE_NOBODY},
	{0},
};
