/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/devices/…/telemetry */
#include "shared/text.h"
#include "skerryd/http_api.h"
#include "skerryd/store_telemetry.h"

#define LIMIT_DEFAULT 500
#define LIMIT_MAX     5000

/* False: an answer was queued, return *rc. */
static bool read_query(struct http_request *request, struct store_telemetry_query *query, int *rc)
{
	*query = (struct store_telemetry_query){.device = request->id, .name = http_query(request, "name")};
	if (query->name && !text_is_name(query->name)) {
		*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, NULL, "name is not a name of telemetry");
		return false;
	}
	if (!http_query_poll(request, &query->since, rc) ||
		!http_query_number(request, "limit", LIMIT_MAX, &query->limit, rc))
		return false;
	if (!http_query(request, "since"))
		query->since = -1;
	if (query->limit == 0)
		query->limit = LIMIT_DEFAULT;
	return true;
}

static int get_telemetry(struct http_request *request)
{
	struct skerryd *server = request->server;
	struct store_telemetry_query query;
	json_t *rows, *names;
	int rc;
	if (!http_device_is_visible(request, &rc) || !read_query(request, &query, &rc))
		return rc;
	if (store_telemetry_json(server->store, &query, &rows) < 0)
		return http_reply_store(request);
	if (query.since >= 0 && json_array_size(rows) == 0 && http_wait(request, CHANGED_TELEMETRY) == HTTP_WAIT) {
		json_decref(rows);
		return HTTP_WAIT;
	}
	if (store_telemetry_names_json(server->store, request->id, &names) < 0) {
		json_decref(rows);
		return http_reply_store(request);
	}
	return http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o, s:o}", "telemetry", rows, "names", names));
}

const struct http_route http_telemetry_routes[] = {
	{"GET", "/api/v1/devices/*/telemetry", HTTP_BODY_NONE, get_telemetry, ROLE_VIEWER},
	{0},
};
