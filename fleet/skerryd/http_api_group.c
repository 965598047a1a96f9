/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/groups: selectors with a name. */
#include <string.h>

#include "shared/text.h"
#include "skerryd/http_api.h"

static int get_groups(struct http_request *request)
{
	json_t *rows;
	if (store_groups_json(request->server->store, request->who.tenant, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "groups", rows);
}

static int reply_group(struct http_request *request, unsigned status, const char *tenant)
{
	json_t *group;
	int rc = store_group_json(request->server->store, tenant, request->id, &group);
	return rc ? http_reply_missing(request, rc, "group") : http_reply_json(request, status, group);
}

static int get_group(struct http_request *request)
{
	int rc;
	const char *tenant = http_tenant(request, &rc);
	return tenant ? reply_group(request, MHD_HTTP_OK, tenant) : rc;
}

static int put_in_group(struct http_request *request, const char *tenant, const char *selector)
{
	struct skerryd *server = request->server;
	bool added = false;
	int reply;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = store_group_put(server->store, tenant, request->id, selector, &added);
	const struct http_act act = {.action = "group.set",
		.what = "group",
		.details = json_pack("{s:s, s:s}", "selector", selector, "tenant", tenant)};
	if (http_end_act(request, rc, &act, &reply))
		return reply;
	return reply_group(request, added ? MHD_HTTP_CREATED : MHD_HTTP_OK, tenant);
}

static int check_and_put(struct http_request *request, const json_t *body, const char *tenant)
{
	static const char *const members[] = {"selector", NULL};
	const char *text = json_string_value(json_object_get(body, "selector"));
	struct selector selector;
	struct fleet_error error;
	int rc;
	if (!http_check_members(request, body, members, &rc))
		return rc;
	if (!text)
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send {\"selector\": TEXT}",
			"selector is missing or not a text");
	if (selector_parse(text, &selector, &error) < 0)
		return http_reply_problem(request, MHD_HTTP_BAD_REQUEST, &error);
	if (selector_uses(&selector, SELECTOR_GROUP))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "write its terms out",
			"the selector of a group cannot name a group");
	return put_in_group(request, tenant, text);
}

static int put_group(struct http_request *request)
{
	int rc;
	if (!text_is_name(request->id))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "use letters, digits and ._-, at most 32",
			"'%s' is not a name for a group", request->id);
	const char *tenant = http_tenant(request, &rc);
	json_t *body = tenant ? http_body_json(request, &rc) : NULL;
	if (!body)
		return rc;
	rc = check_and_put(request, body, tenant);
	json_decref(body);
	return rc;
}

static int delete_group(struct http_request *request)
{
	struct skerryd *server = request->server;
	int rc, reply;
	const char *tenant = http_tenant(request, &rc);
	if (!tenant)
		return rc;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	rc = store_group_remove(server->store, tenant, request->id);
	const struct http_act act = {
		.action = "group.remove", .what = "group", .details = json_pack("{s:s}", "tenant", tenant)};
	if (http_end_act(request, rc, &act, &reply))
		return reply;
	return http_reply_json(request, MHD_HTTP_OK, json_pack("{s:s}", "name", request->id));
}

const struct http_route http_group_routes[] = {
	{"GET", "/api/v1/groups", HTTP_BODY_NONE, get_groups, ROLE_VIEWER},
	{"GET", "/api/v1/groups/*", HTTP_BODY_NONE, get_group, ROLE_VIEWER},
	{"PUT", "/api/v1/groups/*", HTTP_BODY_JSON, put_group, ROLE_OPERATOR},
	{"DELETE", "/api/v1/groups/*", HTTP_BODY_NONE, delete_group, ROLE_OPERATOR},
	{0},
};
