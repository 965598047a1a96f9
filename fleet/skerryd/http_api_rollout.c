/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/rollouts */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/http_api.h"
#include "skerryd/rollouts.h"

#define LIMIT_DEFAULT 100

static unsigned status_of(enum rollouts_outcome outcome)
{
	switch (outcome) {
	case ROLLOUTS_NONE:
		return MHD_HTTP_NOT_FOUND;
	case ROLLOUTS_CONFLICT:
		return MHD_HTTP_CONFLICT;
	default:
		return MHD_HTTP_UNPROCESSABLE_CONTENT;
	}
}

/* ---- reading ---- */

static int reply_rollout(struct http_request *request, unsigned status, const char *id)
{
	json_t *rollout;
	int rc = rollouts_json(request->server, &request->who, id, &rollout);
	return rc ? http_reply_missing(request, rc, "rollout") : http_reply_json(request, status, rollout);
}

static int get_rollout(struct http_request *request)
{
	int64_t since;
	json_t *rollout;
	int rc;
	if (!http_query_poll(request, &since, &rc))
		return rc;
	rc = rollouts_json(request->server, &request->who, request->id, &rollout);
	if (rc)
		return http_reply_missing(request, rc, "rollout");
	bool newer = json_integer_value(json_object_get(rollout, "versionNumber")) > since;
	rc = newer ? 0 : http_wait(request, CHANGED_ROLLOUT);
	if (rc == 0)
		return http_reply_json(request, MHD_HTTP_OK, rollout);
	json_decref(rollout);
	return rc;
}

/* 1..STORE_ROWS_MAX. False: an answer was queued, return *rc. */
static bool query_limit(struct http_request *request, int64_t *limit, int *rc)
{
	if (!http_query_number(request, "limit", STORE_ROWS_MAX, limit, rc))
		return false;
	if (*limit == 0)
		*limit = LIMIT_DEFAULT;
	return true;
}

/* Without what a list does not need. */
static int list_json(struct http_request *request, const json_t *rows, json_t *rollouts)
{
	size_t index;
	const json_t *row;
	json_array_foreach(rows, index, row)
	{
		json_t *rollout;
		int rc = rollouts_json(
			request->server, &request->who, json_string_value(json_object_get(row, "id")), &rollout);
		if (rc)
			return -1;
		json_object_del(rollout, "spec");
		json_array_append_new(rollouts, rollout);
	}
	return 0;
}

static int get_rollouts(struct http_request *request)
{
	int64_t limit, cursor;
	json_t *rows, *rollouts;
	int rc;
	if (!query_limit(request, &limit, &rc) || !http_query_number(request, "cursor", INT64_MAX, &cursor, &rc))
		return rc;
	if (store_rollouts_list(request->server->store, request->who.tenant, cursor, limit, &rows) < 0)
		return http_reply_store(request);
	rollouts = json_array();
	json_t *next = json_object_get(json_array_get(rows, json_array_size(rows) - 1), "n");
	bool more = (int64_t)json_array_size(rows) == limit;
	if (list_json(request, rows, rollouts) < 0) {
		json_decref(rows);
		json_decref(rollouts);
		return http_reply_store(request);
	}
	json_t *body = json_pack("{s:o}", "rollouts", rollouts);
	if (more)
		json_object_set(body, "next", next);
	json_decref(rows);
	return http_reply_json(request, MHD_HTTP_OK, body);
}

/* ---- targets ---- */

static bool query_wave(struct http_request *request, int64_t *wave, int *rc)
{
	*wave = -1;
	return !http_query(request, "wave") || http_query_number(request, "wave", ROLLOUT_WAVES_MAX - 1, wave, rc);
}

static int reply_targets(struct http_request *request, const struct store_target_query *query)
{
	json_t *rows;
	if (store_targets_json(request->server->store, query, &rows) < 0)
		return http_reply_store(request);
	json_t *body = json_pack("{s:O}", "targets", rows);
	if ((int64_t)json_array_size(rows) == query->limit)
		json_object_set(
			body, "next", json_object_get(json_array_get(rows, json_array_size(rows) - 1), "device"));
	json_decref(rows);
	return http_reply_json(request, MHD_HTTP_OK, body);
}

static int get_targets(struct http_request *request)
{
	struct store_target_query query = {
		.rollout = request->id, .state = http_query(request, "state"), .cursor = http_query(request, "cursor")};
	json_t *rollout;
	int rc = rollouts_json(request->server, &request->who, request->id, &rollout);
	if (rc)
		return http_reply_missing(request, rc, "rollout");
	json_decref(rollout);
	if (!query_limit(request, &query.limit, &rc) || !query_wave(request, &query.wave, &rc))
		return rc;
	if (!query.cursor)
		query.cursor = "";
	return reply_targets(request, &query);
}

/* ---- changing ---- */

/* The body as a description; false: an answer was queued, return *rc. */
static bool read_description(struct http_request *request, struct rollout_description *description, int *rc)
{
	struct fleet_error error;
	json_t *body = http_body_json(request, rc);
	if (!body)
		return false;
	bool good = rollout_spec_parse(body, description, &error) == 0;
	if (!good)
		*rc = http_reply_problem(request, MHD_HTTP_UNPROCESSABLE_CONTENT, &error);
	json_decref(body);
	return good;
}

/* End the group as the outcome says. True: it is kept. */
static bool end_group(struct skerryd *server, enum rollouts_outcome *outcome)
{
	if (*outcome == ROLLOUTS_FAILED)
		skerryd_rollback(server);
	else if (*outcome != ROLLOUTS_DONE)
		skerryd_abandon(server);
	else if (skerryd_commit(server) < 0)
		*outcome = ROLLOUTS_FAILED;
	return *outcome == ROLLOUTS_DONE;
}

static int reply_refusal(struct http_request *request, enum rollouts_outcome outcome, const struct fleet_error *error)
{
	return outcome == ROLLOUTS_FAILED ? http_reply_store(request)
					  : http_reply_problem(request, status_of(outcome), error);
}

static int put_description(struct http_request *request, const char *id, const struct rollout_description *description)
{
	struct skerryd *server = request->server;
	struct fleet_error error;
	char made[33];
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	enum rollouts_outcome outcome = id ? rollouts_change(server, &request->who, id, description, &error)
					   : rollouts_create(server, &request->who, description, made, &error);
	if (!end_group(server, &outcome))
		return reply_refusal(request, outcome, &error);
	return reply_rollout(request, id ? MHD_HTTP_OK : MHD_HTTP_CREATED, id ? id : made);
}

static int with_description(struct http_request *request, const char *id,
	int (*handle)(struct http_request *request, const char *id, const struct rollout_description *description))
{
	struct rollout_description *description = malloc(sizeof *description);
	int rc = MHD_NO;
	const char *tenant = description ? http_tenant(request, &rc) : NULL;
	if (tenant && read_description(request, description, &rc)) {
		snprintf(description->tenant, sizeof description->tenant, "%s", tenant);
		rc = handle(request, id, description);
	}
	free(description);
	return rc;
}

static int post_rollout(struct http_request *request)
{
	return with_description(request, NULL, put_description);
}

static int put_rollout(struct http_request *request)
{
	return with_description(request, request->id, put_description);
}

static int plan(struct http_request *request, const char *id, const struct rollout_description *description)
{
	struct fleet_error error;
	json_t *json;
	(void)id;
	enum rollouts_outcome outcome = rollouts_plan(request->server, &request->who, description, &json, &error);
	if (outcome != ROLLOUTS_DONE)
		return reply_refusal(request, outcome, &error);
	return http_reply_json(request, MHD_HTTP_OK, json);
}

static int post_plan(struct http_request *request)
{
	return with_description(request, NULL, plan);
}

static int post_verb(struct http_request *request)
{
	struct skerryd *server = request->server;
	struct fleet_error error;
	enum rollouts_verb verb = VERB_START;
	while (verb <= VERB_CLOSE && strcmp(rollouts_verb_name(verb), request->ids[1]) != 0)
		verb++;
	if (verb > VERB_CLOSE)
		return http_reply_error(request, MHD_HTTP_NOT_FOUND, "see fleet/API.md", "no such path");
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	enum rollouts_outcome outcome = rollouts_do(server, &request->who, verb, request->id, &error);
	if (!end_group(server, &outcome))
		return reply_refusal(request, outcome, &error);
	return reply_rollout(request, MHD_HTTP_OK, request->id);
}

const struct http_route http_rollout_routes[] = {
	{"GET", "/api/v1/rollouts", HTTP_BODY_NONE, get_rollouts, ROLE_VIEWER},
	{"POST", "/api/v1/rollouts", HTTP_BODY_JSON, post_rollout, ROLE_OPERATOR},
	{"POST", "/api/v1/rollouts/plan", HTTP_BODY_JSON, post_plan, ROLE_VIEWER},
	{"GET", "/api/v1/rollouts/*", HTTP_BODY_NONE, get_rollout, ROLE_VIEWER},
	{"PUT", "/api/v1/rollouts/*", HTTP_BODY_JSON, put_rollout, ROLE_OPERATOR},
	{"GET", "/api/v1/rollouts/*/targets", HTTP_BODY_NONE, get_targets, ROLE_VIEWER},
	{"POST", "/api/v1/rollouts/*/*", HTTP_BODY_JSON, post_verb, ROLE_OPERATOR},
	{0},
};
