/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/devices/ID/timeline: what happened to a device, newest first, in pages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "skerryd/http_api.h"

#define LIMIT_DEFAULT 100
#define RANK_EVENT    4 /* those of events have a number that others know, too */

/* Where the page before ended: "TIME.RANK.N". */
static bool read_cursor(const char *text, struct store_moment *moment)
{
	int end = 0;
	return sscanf(text, "%18" SCNd64 ".%1" SCNd64 ".%18" SCNd64 "%n", &moment->time, &moment->rank, &moment->n,
		       &end) == 3 &&
	       !text[end];
}

static json_t *cursor_of(const json_t *row)
{
	char text[64];
	snprintf(text, sizeof text, "%lld.%lld.%lld", (long long)json_integer_value(json_object_get(row, "time")),
		(long long)json_integer_value(json_object_get(row, "rank")),
		(long long)json_integer_value(json_object_get(row, "n")));
	return json_string(text);
}

static void hide_places(json_t *rows)
{
	size_t index;
	json_t *row;
	json_array_foreach(rows, index, row)
	{
		if (json_integer_value(json_object_get(row, "rank")) != RANK_EVENT)
			json_object_del(row, "n");
		json_object_del(row, "rank");
	}
}

static int get_timeline(struct http_request *request)
{
	struct store_moment before = {.time = INT64_MAX};
	const char *mark = http_query(request, "cursor");
	json_t *rows, *next = NULL;
	int64_t limit;
	int rc;
	if (!http_device_is_visible(request, &rc) || !http_query_number(request, "limit", STORE_ROWS_MAX, &limit, &rc))
		return rc;
	if (mark && !read_cursor(mark, &before))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send `next` of the page before as it is",
			"cursor is none of ours");
	limit = limit ? limit : LIMIT_DEFAULT;
	if (store_timeline_json(request->server->store, request->id, &before, limit + 1, &rows) < 0)
		return http_reply_store(request);
	if ((int64_t)json_array_size(rows) > limit) {
		json_array_remove(rows, (size_t)limit);
		next = cursor_of(json_array_get(rows, (size_t)limit - 1));
	}
	hide_places(rows);
	return http_reply_json(request, MHD_HTTP_OK, json_pack("{s:o, s:o*}", "timeline", rows, "next", next));
}

const struct http_route http_timeline_routes[] = {
	{"GET", "/api/v1/devices/*/timeline", HTTP_BODY_NONE, get_timeline, ROLE_VIEWER},
	{0},
};
