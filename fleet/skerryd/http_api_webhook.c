/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/webhooks */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/audit.h"
#include "skerryd/http_api.h"
#include "skerryd/note.h"
#include "skerryd/store_webhook.h"
#include "skerryd/webhook.h"

#define WEBHOOKS_MAX 16 /* of a tenant, and of those for all tenants */
#define KINDS_MAX    32
#define KIND_MAX     32

static int get_webhooks(struct http_request *request)
{
	json_t *rows;
	if (store_webhooks_json(request->server->store, request->who.tenant, NULL, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "webhooks", rows);
}

/* The webhook request->id, a new reference; NULL: an answer was queued, return *rc. */
static json_t *find_webhook(struct http_request *request, int *rc)
{
	json_t *rows;
	if (store_webhooks_json(request->server->store, request->who.tenant, request->id, &rows) < 0) {
		*rc = http_reply_store(request);
		return NULL;
	}
	json_t *webhook = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	if (!webhook)
		*rc = http_reply_missing(request, STORE_NONE, "webhook");
	return webhook;
}

static int get_webhook(struct http_request *request)
{
	int rc;
	json_t *webhook = find_webhook(request, &rc);
	return webhook ? http_reply_json(request, MHD_HTTP_OK, webhook) : rc;
}

/* ---- POST ---- */

static bool is_kind(const json_t *value)
{
	const char *kind = json_string_value(value);
	return kind && *kind && strlen(kind) <= KIND_MAX &&
	       strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(kind);
}

static bool kinds_are_good(const json_t *kinds)
{
	const json_t *value;
	size_t index;
	if (!json_is_array(kinds) || json_array_size(kinds) > KINDS_MAX)
		return false;
	json_array_foreach(kinds, index, value)
	{
		if (!is_kind(value))
			return false;
	}
	return true;
}

/* Inside a group. */
static int add(struct http_request *request, const struct store_webhook *webhook)
{
	struct skerryd *server = request->server;
	char object[64];
	snprintf(object, sizeof object, "webhook/%s", webhook->id);
	if (store_webhook_add(server->store, webhook, note_now()) < 0)
		return -1;
	json_t *kinds = json_loads(webhook->kinds, 0, NULL);
	return audit_add(server, &request->who, "webhook.add", object,
		json_pack("{s:s, s:o*}", "url", webhook->url, "kinds", kinds));
}

static int add_in_group(struct http_request *request, struct store_webhook *webhook)
{
	struct skerryd *server = request->server;
	char id[17], secret[WEBHOOK_SECRET_BYTES + 1];
	int rc;
	note_random_id(id, sizeof id);
	note_random_id(secret, sizeof secret);
	webhook->id = request->id = id;
	webhook->secret = secret;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	if (add(request, webhook) < 0) {
		skerryd_rollback(server);
		return http_reply_store(request);
	}
	if (skerryd_commit(server) < 0)
		return http_reply_store(request);
	webhook_recount(server);
	json_t *row = find_webhook(request, &rc);
	if (!row)
		return rc;
	json_object_set_new(row, "secret", json_string(secret));
	return http_reply_json(request, MHD_HTTP_CREATED, row);
}

/* An answer, or 0: it may be added. */
static int check_room(struct http_request *request)
{
	json_t *rows;
	if (store_webhooks_json(request->server->store, request->who.tenant, NULL, &rows) < 0)
		return http_reply_store(request);
	size_t count = json_array_size(rows);
	json_decref(rows);
	return count < WEBHOOKS_MAX ? 0
				    : http_reply_error(request, MHD_HTTP_CONFLICT, "remove one",
					      "there are %d webhooks already", WEBHOOKS_MAX);
}

static int check_webhook(struct http_request *request, const char *url, const json_t *kinds)
{
	if (!url)
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send {\"url\": ADDRESS}", "url is missing");
	const char *fault = webhook_url_fault(url, request->server->settings.webhook_private);
	if (*fault)
		return http_reply_error(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "give an https address",
			"nothing is delivered to '%.100s': %s", url, fault);
	if (kinds && !kinds_are_good(kinds))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "see Events in fleet/skerryd/README.md",
			"kinds is not an array of at most %d kinds of events", KINDS_MAX);
	return check_room(request);
}

static int post_webhook(struct http_request *request)
{
	static const char *const members[] = {"url", "kinds", NULL};
	int rc;
	json_t *body = http_body_json(request, &rc);
	if (!body)
		return rc;
	if (http_check_members(request, body, members, &rc)) {
		const json_t *kinds = json_object_get(body, "kinds");
		const char *url = json_string_value(json_object_get(body, "url"));
		rc = check_webhook(request, url, kinds);
		char *text = rc == 0 ? (kinds ? json_dumps(kinds, JSON_COMPACT) : strdup("[]")) : NULL;
		if (rc == 0)
			rc = text ? add_in_group(request,
					    &(struct store_webhook){
						    .tenant = request->who.tenant, .url = url, .kinds = text})
				  : MHD_NO;
		free(text);
	}
	json_decref(body);
	return rc;
}

/* ---- DELETE, test ---- */

/* Inside a group: 0, STORE_NONE, -1. */
static int audited(struct http_request *request, const char *action, int rc)
{
	char object[HTTP_ID_MAX + 16];
	snprintf(object, sizeof object, "webhook/%s", request->id);
	return rc ? rc : audit_add(request->server, &request->who, action, object, NULL);
}

static int delete_webhook(struct http_request *request)
{
	struct skerryd *server = request->server;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = audited(
		request, "webhook.remove", store_webhook_remove(server->store, request->who.tenant, request->id));
	if (rc == STORE_NONE) {
		skerryd_abandon(server);
		return http_reply_missing(request, rc, "webhook");
	}
	if (rc < 0) {
		skerryd_rollback(server);
		return http_reply_store(request);
	}
	if (skerryd_commit(server) < 0)
		return http_reply_store(request);
	webhook_recount(server);
	return http_reply_json(request, MHD_HTTP_OK, json_pack("{s:s}", "id", request->id));
}

static int test_webhook(struct http_request *request)
{
	struct skerryd *server = request->server;
	char delivery[33];
	int rc;
	json_t *webhook = find_webhook(request, &rc);
	if (!webhook)
		return rc;
	json_decref(webhook);
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return http_reply_store(request);
	if (audited(request, "webhook.test", webhook_test(server, request->id, delivery)) < 0) {
		skerryd_rollback(server);
		return http_reply_store(request);
	}
	if (skerryd_commit(server) < 0)
		return http_reply_store(request);
	return http_reply_json(request, MHD_HTTP_ACCEPTED, json_pack("{s:s}", "delivery", delivery));
}

const struct http_route http_webhook_routes[] = {
	{"GET", "/api/v1/webhooks", HTTP_BODY_NONE, get_webhooks, ROLE_OPERATOR},
	{"POST", "/api/v1/webhooks", HTTP_BODY_JSON, post_webhook, ROLE_ADMIN},
	{"GET", "/api/v1/webhooks/*", HTTP_BODY_NONE, get_webhook, ROLE_OPERATOR},
	{"DELETE", "/api/v1/webhooks/*", HTTP_BODY_NONE, delete_webhook, ROLE_ADMIN},
	{"POST", "/api/v1/webhooks/*/test", HTTP_BODY_NONE, test_webhook, ROLE_ADMIN},
	{0},
};
