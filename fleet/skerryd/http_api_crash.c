/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/crashes and /api/v1/devices/…/crashes */
#include "skerryd/http_api.h"

static int get_all(struct http_request *request)
{
	struct store *store = request->server->store;
	const char *mine = request->who.tenant;
	json_t *rows;
	int rc = *mine ? store_crashes_of_tenant_json(store, mine, &rows) : store_crashes_json(store, NULL, &rows);
	if (rc < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "crashes", rows);
}

static int get_of_device(struct http_request *request)
{
	json_t *rows;
	int rc;
	if (!http_device_is_visible(request, &rc))
		return rc;
	if (store_crashes_json(request->server->store, request->id, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "crashes", rows);
}

static int get_one(struct http_request *request)
{
	json_t *crash;
	int rc;
	if (!http_device_is_visible(request, &rc))
		return rc;
	rc = store_crash_json(request->server->store, request->ids[0], request->ids[1], &crash);
	if (rc == STORE_NONE)
		return http_reply_error(request, MHD_HTTP_NOT_FOUND, "`skerry crash list` names those that are kept",
			"no crash '%s' of device '%s'", request->ids[1], request->ids[0]);
	return rc < 0 ? http_reply_store(request) : http_reply_json(request, MHD_HTTP_OK, crash);
}

const struct http_route http_crash_routes[] = {
	{"GET", "/api/v1/crashes", HTTP_BODY_NONE, get_all, ROLE_VIEWER},
	{"GET", "/api/v1/devices/*/crashes", HTTP_BODY_NONE, get_of_device, ROLE_VIEWER},
	{"GET", "/api/v1/devices/*/crashes/*", HTTP_BODY_NONE, get_one, ROLE_VIEWER},
	{0},
};
