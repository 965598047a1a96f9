/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/tokens, /api/v1/tenants, /api/v1/whoami */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/audit.h"
#include "skerryd/http_api.h"
#include "skerryd/http_auth.h"
#include "skerryd/http_stream.h"
#include "skerryd/note.h"

#define SECRET_PREFIX "skerry_" /* so that scanners for leaked secrets know one */

static int get_whoami(struct http_request *request)
{
	const struct principal *who = &request->who;
	return http_reply_json(request, MHD_HTTP_OK,
		json_pack("{s:s, s:s, s:s*, s:o*}", "name", who->name, "role", http_role_name(who->role), "tenant",
			*who->tenant ? who->tenant : NULL, "expiresAt",
			who->expires_at ? json_integer((json_int_t)who->expires_at) : NULL));
}

/* ---- tokens ---- */

static int get_tokens(struct http_request *request)
{
	json_t *rows;
	if (store_tokens_json(request->server->store, request->who.tenant, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "tokens", rows);
}

static int get_token(struct http_request *request)
{
	json_t *token;
	int rc = store_token_json(request->server->store, request->id, request->who.tenant, &token);
	return rc ? http_reply_missing(request, rc, "token") : http_reply_json(request, MHD_HTTP_OK, token);
}

/* Into the group that is open: 0, STORE_NONE: the name is taken; -1. */
static int add_token(struct http_request *request, const struct store_token *token)
{
	char object[40];
	snprintf(object, sizeof object, "token/%s", token->id);
	int rc = store_token_add(request->server->store, token, note_now());
	if (rc)
		return rc;
	return audit_add(request->server, &request->who, "token.create", object,
		json_pack("{s:s, s:s, s:s*}", "name", token->name, "role", token->role, "tenant",
			*token->tenant ? token->tenant : NULL));
}

/* End the group by `rc`. False: an answer was queued, return *reply. */
static bool end_group(struct http_request *request, int rc, const char *taken, int *reply)
{
	struct skerryd *server = request->server;
	if (rc == 0 && skerryd_commit(server) == 0)
		return true;
	if (rc == STORE_NONE) {
		skerryd_abandon(server);
		*reply = http_reply_error(request, MHD_HTTP_CONFLICT, "choose another name", "%s", taken);
		return false;
	}
	if (rc < 0)
		skerryd_rollback(server);
	*reply = http_reply_store(request);
	return false;
}

static int create_token(struct http_request *request, struct store_token *token)
{
	char random[65], secret[80];
	json_t *row;
	int reply;
	note_random_id(token->id, sizeof token->id);
	note_random_id(random, sizeof random);
	snprintf(secret, sizeof secret, SECRET_PREFIX "%s", random);
	ota_sha256(secret, strlen(secret), token->hash);
	if (skerryd_begin(request->server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	if (!end_group(request, add_token(request, token), "there is a token of this name", &reply))
		return reply;
	int rc = store_token_json(request->server->store, token->id, "", &row);
	if (rc)
		return http_reply_missing(request, rc, "token");
	json_object_set_new(row, "token", json_string(secret));
	reply = http_reply_json(request, MHD_HTTP_CREATED, row);
	explicit_bzero(random, sizeof random);
	explicit_bzero(secret, sizeof secret);
	return reply;
}

/* What is wrong with the body, NULL: nothing. */
static const char *read_token(const json_t *body, struct store_token *token)
{
	const char *name = json_string_value(json_object_get(body, "name")),
		   *role = json_string_value(json_object_get(body, "role"));
	const json_t *expires = json_object_get(body, "expiresAt"), *tenant = json_object_get(body, "tenant");
	if (!name || !text_is_id(name))
		return "name is missing or has other than letters, digits, '_', '-', at most 64";
	if (strcmp(name, "operator") == 0)
		return "the name operator is that of the home's own token";
	if (!role || !http_role_parse(role))
		return "role is none of viewer, operator, admin";
	if (tenant && (!json_is_string(tenant) || !text_is_name(json_string_value(tenant))))
		return "tenant is not a tenant's name";
	if (expires && (!json_is_integer(expires) || json_integer_value(expires) <= note_now()))
		return "expiresAt is not a unix time to come";
	snprintf(token->name, sizeof token->name, "%s", name);
	snprintf(token->role, sizeof token->role, "%s", role);
	snprintf(token->tenant, sizeof token->tenant, "%s", tenant ? json_string_value(tenant) : "");
	token->expires_at = json_integer_value(expires);
	return NULL;
}

/* The tenant that the token is to be bound to; who is bound to one sees no other. False: an answer was queued. */
static bool settle_tenant(struct http_request *request, struct store_token *token, int *rc)
{
	const char *mine = request->who.tenant;
	json_t *tenant = NULL;
	if (!*token->tenant)
		snprintf(token->tenant, sizeof token->tenant, "%s", mine);
	if (!*token->tenant)
		return true;
	int found = *mine && strcmp(mine, token->tenant) != 0
			    ? STORE_NONE
			    : store_tenant_json(request->server->store, token->tenant, &tenant);
	json_decref(tenant);
	if (found == 0)
		return true;
	*rc = found < 0 ? http_reply_store(request)
			: http_reply_error(request, MHD_HTTP_NOT_FOUND, "see `skerry tenant list`",
				  "there is no tenant '%s'", token->tenant);
	return false;
}

static int post_token(struct http_request *request)
{
	static const char *const members[] = {"name", "role", "tenant", "expiresAt", NULL};
	struct store_token token = {0};
	int rc;
	json_t *body = http_body_json(request, &rc);
	if (!body)
		return rc;
	if (http_check_members(request, body, members, &rc)) {
		const char *wrong = read_token(body, &token);
		if (wrong)
			rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, "see fleet/API.md", "%s", wrong);
		else if (settle_tenant(request, &token, &rc))
			rc = create_token(request, &token);
	}
	json_decref(body);
	return rc;
}

static int delete_token(struct http_request *request)
{
	struct skerryd *server = request->server;
	char object[HTTP_ID_MAX + 8];
	int reply;
	snprintf(object, sizeof object, "token/%s", request->id);
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = store_token_delete(server->store, request->id, request->who.tenant);
	if (rc == STORE_NONE) {
		skerryd_abandon(server);
		return http_reply_missing(request, STORE_NONE, "token");
	}
	if (rc == 0)
		rc = audit_add(server, &request->who, "token.revoke", object, NULL);
	if (!end_group(request, rc, "", &reply))
		return reply;
	http_streams_cut(http_streams_of(request->http), request->id);
	return http_reply_json(request, MHD_HTTP_OK, json_pack("{s:s}", "id", request->id));
}

/* ---- tenants ---- */

static int get_tenants(struct http_request *request)
{
	json_t *rows;
	if (store_tenants_json(request->server->store, request->who.tenant, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "tenants", rows);
}

static int reply_tenant(struct http_request *request, unsigned status)
{
	json_t *tenant;
	int rc = store_tenant_json(request->server->store, request->id, &tenant);
	return rc ? http_reply_missing(request, rc, "tenant") : http_reply_json(request, status, tenant);
}

static int get_tenant(struct http_request *request)
{
	const char *mine = request->who.tenant;
	if (*mine && strcmp(mine, request->id) != 0)
		return http_reply_missing(request, STORE_NONE, "tenant");
	return reply_tenant(request, MHD_HTTP_OK);
}

static int put_tenant(struct http_request *request)
{
	struct skerryd *server = request->server;
	char object[HTTP_ID_MAX + 8];
	int reply;
	if (!text_is_name(request->id))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "use letters, digits, '_', '-', '.', at most 32",
			"'%s' is not a tenant's name", request->id);
	snprintf(object, sizeof object, "tenant/%s", request->id);
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = store_tenant_add(server->store, request->id, note_now());
	if (rc == STORE_NONE) {
		skerryd_abandon(server);
		return reply_tenant(request, MHD_HTTP_OK);
	}
	if (rc == 0)
		rc = audit_add(server, &request->who, "tenant.create", object, NULL);
	if (!end_group(request, rc, "", &reply))
		return reply;
	return reply_tenant(request, MHD_HTTP_CREATED);
}

const struct http_route http_token_routes[] = {
	{"GET", "/api/v1/whoami", HTTP_BODY_NONE, get_whoami, ROLE_VIEWER},
	{"GET", "/api/v1/tokens", HTTP_BODY_NONE, get_tokens, ROLE_ADMIN},
	{"POST", "/api/v1/tokens", HTTP_BODY_JSON, post_token, ROLE_ADMIN},
	{"GET", "/api/v1/tokens/*", HTTP_BODY_NONE, get_token, ROLE_ADMIN},
	{"DELETE", "/api/v1/tokens/*", HTTP_BODY_NONE, delete_token, ROLE_ADMIN},
	{"GET", "/api/v1/tenants", HTTP_BODY_NONE, get_tenants, ROLE_VIEWER},
	{"GET", "/api/v1/tenants/*", HTTP_BODY_NONE, get_tenant, ROLE_VIEWER},
	{"PUT", "/api/v1/tenants/*", HTTP_BODY_JSON, put_tenant, ROLE_FLEET_ADMIN},
	{0},
};
