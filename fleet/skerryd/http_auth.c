/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/http_auth.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "skerryd/limit.h"
#include "skerryd/note.h"

#define DEVICE_PATHS    "/api/v1/devices/*"
#define USED_EVERY_S    60 /* a token's last use is written down at most this often */
#define FAILURES_RATE   1  /* per second and address, … */
#define FAILURES_BURST  10 /* … after this many */
#define FAILURE_WAIT_MS 1000

struct http_auth {
	struct limit requests; /* by token */
	struct limit failures; /* by address */
};

const char *http_role_name(enum role role)
{
	return role == ROLE_ADMIN ? "admin" : role == ROLE_OPERATOR ? "operator" : "viewer";
}

enum role http_role_parse(const char *name)
{
	if (strcmp(name, "admin") == 0)
		return ROLE_ADMIN;
	if (strcmp(name, "operator") == 0)
		return ROLE_OPERATOR;
	return strcmp(name, "viewer") == 0 ? ROLE_VIEWER : 0;
}

/* ---- too often ---- */

/* The address, of IPv6 the network that one subscriber has. */
static void client_address(const struct http_request *request, char out[INET6_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	strcpy(out, "?");
	if (!info || !info->client_addr)
		return;
	if (info->client_addr->sa_family == AF_INET) {
		struct sockaddr_in address;
		memcpy(&address, info->client_addr, sizeof address);
		inet_ntop(AF_INET, &address.sin_addr, out, INET6_ADDRSTRLEN);
	} else if (info->client_addr->sa_family == AF_INET6) {
		struct sockaddr_in6 address;
		memcpy(&address, info->client_addr, sizeof address);
		memset(address.sin6_addr.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &address.sin6_addr, out, INET6_ADDRSTRLEN);
	}
}

static void refuse(struct http_request *request, int status, const char *remedy, const char *cause)
{
	request->refusal = status;
	(void)!fleet_fail(&request->why, remedy, "%s", cause);
}

/* A good token is never held up by the bad ones that others send from the same address. */
static void refuse_login(struct http_auth *auth, struct http_request *request, const char *cause)
{
	char address[INET6_ADDRSTRLEN];
	client_address(request, address);
	request->retry_after_s = limit_take(&auth->failures, address, note_now_ms());
	if (request->retry_after_s == 0) {
		refuse(request, MHD_HTTP_UNAUTHORIZED,
			"send Authorization: Bearer with the token of the home's " HOME_TOKEN
			", or one of `skerry token create`",
			cause);
		return;
	}
	request->refusal_wait_ms = FAILURE_WAIT_MS;
	if (throttle_pass(&request->server->throttle, 'l', address, note_now_ms()))
		note("http: many-bad-tokens address=%s", address);
	refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "wait, and send a good one",
		"too many requests without a good token came from this address");
}

/* ---- who ---- */

static bool is_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	volatile uint8_t difference = 0;
	for (size_t i = 0; i < len; i++)
		difference = (uint8_t)(difference | (a[i] ^ b[i]));
	return difference == 0;
}

static void note_use(struct skerryd *server, const struct store_token *token)
{
	int64_t now = note_now();
	if (now - token->last_used < USED_EVERY_S || skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	if (store_token_used(server->store, token->id, now) < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}

/* NULL: request->who is set; else why not. Hashes are looked for, so that time tells nothing about the tokens. */
static const char *identify(struct http_request *request, const char *text)
{
	struct skerryd *server = request->server;
	struct store_token token;
	uint8_t hash[32];
	ota_sha256(text, strlen(text), hash);
	if (is_same(hash, server->settings.token_hash, sizeof hash)) {
		request->who = (struct principal){.role = ROLE_ADMIN, .name = "operator"};
		return NULL;
	}
	int rc = store_token_find(server->store, hash, &token);
	if (rc < 0)
		return "the database failed";
	if (rc == STORE_NONE || !is_same(hash, token.hash, sizeof hash))
		return "no valid token";
	if (token.expires_at && token.expires_at <= note_now())
		return "the token has expired";
	request->who.role = http_role_parse(token.role);
	request->who.expires_at = token.expires_at;
	memcpy(request->who.name, token.name, sizeof token.name);
	memcpy(request->who.tenant, token.tenant, sizeof token.tenant);
	memcpy(request->who.token, token.id, sizeof token.id);
	note_use(server, &token);
	return NULL;
}

void http_auth_identify(struct http_auth *auth, struct http_request *request)
{
	const char *header =
		MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	const char *cause = "no valid token";
	if (header && strncasecmp(header, "Bearer ", 7) == 0)
		cause = identify(request, header + 7 + strspn(header + 7, " "));
	if (cause) {
		refuse_login(auth, request, cause);
		return;
	}
	request->retry_after_s = limit_take(&auth->requests, request->who.token, note_now_ms());
	if (request->retry_after_s)
		refuse(request, MHD_HTTP_TOO_MANY_REQUESTS,
			"wait as long as Retry-After says; rate-per-s and rate-burst of skerryd.conf are the bounds",
			"too many requests with this token");
}

/* Here, before any handler, so that no path below a device forgets it. One that is not there is the handler's matter. */
static void check_device(struct http_request *request)
{
	char tenant[33];
	int rc = store_device_tenant(request->server->store, request->id, tenant);
	if (rc != STORE_NONE && (rc < 0 || strcmp(tenant, request->who.tenant) != 0)) {
		request->refusal = MHD_HTTP_NOT_FOUND;
		(void)!fleet_fail(&request->why, "see the list", "there is no device '%s'", request->id);
	}
}

void http_auth_permit(struct http_request *request)
{
	const enum role asked = request->route->role;
	const enum role needed = asked == ROLE_FLEET_ADMIN ? ROLE_ADMIN : asked;
	const struct principal *who = &request->who;
	if (who->role < needed) {
		request->refusal = MHD_HTTP_FORBIDDEN;
		(void)!fleet_fail(&request->why, "use another token, or have an administrator make one",
			"this needs the role %s; the token '%s' has the role %s", http_role_name(needed), who->name,
			http_role_name(who->role));
	} else if (asked == ROLE_FLEET_ADMIN && *who->tenant) {
		request->refusal = MHD_HTTP_FORBIDDEN;
		(void)!fleet_fail(&request->why, "use a token that is not bound to a tenant",
			"this needs the role %s for all tenants; the token '%s' is for the tenant '%s'",
			http_role_name(needed), who->name, who->tenant);
	} else if (*who->tenant && strncmp(request->route->path, DEVICE_PATHS, strlen(DEVICE_PATHS)) == 0) {
		check_device(request);
	}
}

struct http_auth *http_auth_new(const struct settings *settings)
{
	struct http_auth *auth = calloc(1, sizeof *auth);
	if (!auth)
		return NULL;
	auth->requests.rate = settings->rate_per_s;
	auth->requests.burst = settings->rate_burst;
	auth->failures.rate = FAILURES_RATE;
	auth->failures.burst = FAILURES_BURST;
	return auth;
}

void http_auth_free(struct http_auth *auth)
{
	free(auth);
}
