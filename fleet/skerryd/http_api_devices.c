/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/devices: who matches a selector, in pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/devices.h"
#include "skerryd/http_api.h"

#define LIMIT_DEFAULT 100
#define TEXT_MAX      64

/* Where the page before ended: "TOTAL.ID"; the total is counted once, for the first page. */
struct cursor {
	int64_t total;
	char after[65];
};

static bool read_cursor(const char *text, struct cursor *cursor)
{
	char *dot;
	cursor->total = strtoll(text, &dot, 10);
	if (dot == text || *dot != '.' || cursor->total < 0 || !text_is_id(dot + 1))
		return false;
	snprintf(cursor->after, sizeof cursor->after, "%s", dot + 1);
	return true;
}

static json_t *next_cursor(const json_t *rows, int64_t total)
{
	char text[96];
	const json_t *last = json_array_get(rows, json_array_size(rows) - 1);
	snprintf(text, sizeof text, "%lld.%s", (long long)total, json_string_value(json_object_get(last, "id")));
	return json_string(text);
}

static int add_jobs(struct http_request *request, json_t *rows)
{
	size_t index;
	json_t *row, *job;
	int rc = 0;
	json_array_foreach(rows, index, row)
	{
		if (rc >= 0)
			rc = store_job_newest_json(
				request->server->store, json_string_value(json_object_get(row, "id")), &job);
		if (rc == 0)
			json_object_set_new(row, "job", job);
	}
	return rc < 0 ? -1 : 0;
}

static int reply_page(struct http_request *request, const struct store_devices_query *query, int64_t total)
{
	json_t *rows;
	bool more;
	if (store_devices_json(request->server->store, query, &rows, &more, &total) < 0)
		return http_reply_store(request);
	if (add_jobs(request, rows) < 0) {
		json_decref(rows);
		return http_reply_store(request);
	}
	json_t *next = more ? next_cursor(rows, total) : NULL;
	return http_reply_json(request, MHD_HTTP_OK,
		json_pack("{s:o, s:o*, s:I}", "devices", rows, "next", next, "total", (json_int_t)total));
}

/* `selector` of the query as a condition. False: an answer was queued, return *rc. */
static bool read_selector(struct http_request *request, struct store_where *where, int *rc)
{
	struct selector selector;
	struct fleet_error error;
	const char *text = http_query(request, "selector");
	if (selector_parse(text ? text : "", &selector, &error) == 0) {
		if (store_where_make(request->server->store, &selector, request->who.tenant, where, &error) == 0)
			return true;
	}
	*rc = http_reply_problem(request, MHD_HTTP_BAD_REQUEST, &error);
	return false;
}

static int get_devices(struct http_request *request)
{
	struct store_devices_query query = {.text = http_query(request, "q")};
	struct store_where where;
	struct cursor cursor = {0};
	const char *mark = http_query(request, "cursor");
	int rc;
	if (!http_query_number(request, "limit", STORE_ROWS_MAX, &query.limit, &rc))
		return rc;
	if (query.limit == 0)
		query.limit = LIMIT_DEFAULT;
	if (query.text && strlen(query.text) > TEXT_MAX)
		return http_reply_error(
			request, MHD_HTTP_BAD_REQUEST, "use a selector", "q has more than %d bytes", TEXT_MAX);
	if (mark && !read_cursor(mark, &cursor))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send `next` of the page before as it is",
			"cursor is none of ours");
	query.after = cursor.after;
	if (!read_selector(request, &where, &rc))
		return rc;
	query.where = &where;
	rc = reply_page(request, &query, cursor.total);
	store_where_free(&where);
	return rc;
}

const struct http_route http_devices_routes[] = {
	{"GET", "/api/v1/devices", HTTP_BODY_NONE, get_devices, ROLE_VIEWER},
	{0},
};
