/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/history */
#include "skerryd/http_api.h"
#include "skerryd/note.h"
#include "skerryd/store_history.h"

#define DAY_S          86400
#define POINTS_DEFAULT 500
#define POINTS_MAX     3000

/* False: an answer was queued, return *rc. */
static bool read_range(struct http_request *request, struct store_history_query *query, int *rc)
{
	int64_t points;
	if (!http_query_number(request, "from", INT32_MAX, &query->from, rc) ||
		!http_query_number(request, "to", UINT32_MAX, &query->to, rc) ||
		!http_query_number(request, "points", POINTS_MAX, &points, rc))
		return false;
	if (!http_query(request, "to"))
		query->to = note_now() + 1;
	if (!http_query(request, "from"))
		query->from = query->to > DAY_S ? query->to - DAY_S : 0;
	if (query->from >= query->to) {
		*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, NULL, "from is not before to");
		return false;
	}
	points = points ? points : POINTS_DEFAULT;
	query->step = (query->to - query->from + points - 1) / points;
	return true;
}

static int get_history(struct http_request *request)
{
	struct store_history_query query = {.tenant = request->who.tenant};
	json_t *rows, *row;
	size_t index;
	int rc;
	if (!read_range(request, &query, &rc))
		return rc;
	if (store_history_json(request->server->store, &query, &rows) < 0)
		return http_reply_store(request);
	json_array_foreach(rows, index, row)
	{
		json_object_update(row, json_object_get(row, "value"));
		json_object_del(row, "value");
	}
	return http_reply_rows(request, "history", rows);
}

const struct http_route http_history_routes[] = {
	{"GET", "/api/v1/history", HTTP_BODY_NONE, get_history, ROLE_VIEWER},
	{0},
};
