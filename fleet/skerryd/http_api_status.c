/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/status and /api/v1/events, and what the other handlers share. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/audit.h"
#include "skerryd/http_api.h"

int http_reply_missing(struct http_request *request, int rc, const char *what)
{
	if (rc < 0)
		return http_reply_store(request);
	return http_reply_error(request, MHD_HTTP_NOT_FOUND, "see the list", "there is no %s '%s'", what, request->id);
}

bool http_device_is_visible(struct http_request *request, int *rc)
{
	char tenant[33];
	const char *mine = request->who.tenant;
	int found = store_device_tenant(request->server->store, request->id, tenant);
	if (found == 0 && *mine && strcmp(tenant, mine) != 0)
		found = STORE_NONE;
	if (found != 0)
		*rc = http_reply_missing(request, found, "device");
	return found == 0;
}

const char *http_tenant(struct http_request *request, int *rc)
{
	const char *wanted = http_query(request, "tenant"), *mine = request->who.tenant;
	bool found;
	if (*mine || !wanted)
		return *mine ? mine : "default";
	if (store_tenant_find(request->server->store, wanted, &found) < 0)
		*rc = http_reply_store(request);
	else if (!found)
		*rc = http_reply_error(
			request, MHD_HTTP_NOT_FOUND, "see the list of tenants", "there is no tenant '%.64s'", wanted);
	else
		return wanted;
	return NULL;
}

int http_end_act(struct http_request *request, int rc, const struct http_act *act, int *reply)
{
	struct skerryd *server = request->server;
	char object[400];
	snprintf(object, sizeof object, "%s/%s", act->what, act->id ? act->id : request->id);
	if (rc != 0)
		json_decref(act->details);
	else
		rc = audit_add(server, &request->who, act->action, object, act->details);
	if (rc == 0)
		rc = skerryd_commit(server);
	else if (rc < 0)
		skerryd_rollback(server);
	else
		skerryd_abandon(server);
	if (rc != 0)
		*reply = http_reply_missing(request, rc, act->what);
	return rc;
}

bool http_check_members(struct http_request *request, const json_t *object, const char *const *names, int *rc)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		size_t i = 0;
		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i]) {
			*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, "see fleet/API.md",
				"the member '%.64s' is not known here", key);
			return false;
		}
	}
	return true;
}

int http_reply_rows(struct http_request *request, const char *member, json_t *rows)
{
	return http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o}", member, rows));
}

static int get_status(struct http_request *request)
{
	struct skerryd *server = request->server;
	int64_t devices, jobs;
	if (store_device_count(server->store, &devices) < 0 || store_job_count_open(server->store, &jobs) < 0)
		return http_reply_store(request);
	return http_reply_json(request, MHD_HTTP_OK,
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:b}", "version", SKERRYD_VERSION, "broker",
			server->broker_since ? "connected" : "disconnected", "devices", (json_int_t)devices, "jobs",
			(json_int_t)jobs, "keyset", (json_int_t)server->trust.newest.version, "canAssign",
			trust_can_sign(&server->trust)));
}

/* False: an answer was queued, return *rc. */
static bool read_event_query(struct http_request *request, struct store_event_query *query, int *rc)
{
	*query = (struct store_event_query){.device = http_query(request, "device"),
		.rollout = http_query(request, "rollout"),
		.tenant = request->who.tenant,
		.newest = http_query(request, "newest") != NULL};
	if ((query->device && !text_is_id(query->device)) || (query->rollout && !text_is_id(query->rollout))) {
		*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, NULL, "%s is not an id",
			query->device && !text_is_id(query->device) ? "device" : "rollout");
		return false;
	}
	if (!http_query_poll(request, &query->since, rc) ||
		!http_query_number(request, "newest", STORE_ROWS_MAX, &query->limit, rc))
		return false;
	if (query->limit == 0)
		query->limit = STORE_ROWS_MAX;
	return true;
}

static int get_events(struct http_request *request)
{
	struct store_event_query query;
	int rc;
	json_t *rows;
	if (!read_event_query(request, &query, &rc))
		return rc;
	if (store_events_json(request->server->store, &query, &rows) < 0)
		return http_reply_store(request);
	rc = json_array_size(rows) ? 0 : http_wait(request, CHANGED_EVENT);
	if (rc == 0)
		return http_reply_rows(request, "events", rows);
	json_decref(rows);
	return rc;
}

const struct http_route http_status_routes[] = {
	{"GET", "/api/v1/status", HTTP_BODY_NONE, get_status, ROLE_VIEWER},
	{"GET", "/api/v1/events", HTTP_BODY_NONE, get_events, ROLE_VIEWER},
	{0},
};
