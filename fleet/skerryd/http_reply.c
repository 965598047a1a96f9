/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/http_priv.h"
#include "skerryd/note.h"

#define WAIT_MAX_S 60

static const char *title_of(unsigned status)
{
	switch (status) {
	case MHD_HTTP_BAD_REQUEST:
		return "Bad Request";
	case MHD_HTTP_UNAUTHORIZED:
		return "Unauthorized";
	case MHD_HTTP_FORBIDDEN:
		return "Forbidden";
	case MHD_HTTP_NOT_FOUND:
		return "Not Found";
	case MHD_HTTP_METHOD_NOT_ALLOWED:
		return "Method Not Allowed";
	case MHD_HTTP_CONFLICT:
		return "Conflict";
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return "Content Too Large";
	case MHD_HTTP_RANGE_NOT_SATISFIABLE:
		return "Range Not Satisfiable";
	case MHD_HTTP_UNPROCESSABLE_CONTENT:
		return "Unprocessable Content";
	case MHD_HTTP_TOO_MANY_REQUESTS:
		return "Too Many Requests";
	case MHD_HTTP_SERVICE_UNAVAILABLE:
		return "Service Unavailable";
	case MHD_HTTP_GATEWAY_TIMEOUT:
		return "Gateway Timeout";
	case MHD_HTTP_INSUFFICIENT_STORAGE:
		return "Insufficient Storage";
	default:
		return "Internal Server Error";
	}
}

/* A mark of the bytes (FNV-1a): no secret, and two answers of one path with the same mark are not met. */
static void make_tag(const char *text, char tag[20])
{
	uint64_t hash = 0xcbf29ce484222325;
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
	snprintf(tag, 20, "\"%016llx\"", (unsigned long long)hash);
}

/* The client has this answer already. */
static bool is_known(const struct http_request *request, const char *tag)
{
	const char *known =
		MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
	return known && (strcmp(known, "*") == 0 || strstr(known, tag));
}

static void add_headers(const struct http_request *request, struct MHD_Response *response, unsigned status)
{
	char seconds[16];
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, request->allow);
	if (status == MHD_HTTP_TOO_MANY_REQUESTS) {
		snprintf(seconds, sizeof seconds, "%u", request->retry_after_s);
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
}

int http_reply_text(struct http_request *request, unsigned status, const char *type, char *text)
{
	char tag[20] = "";
	if (text && status == MHD_HTTP_OK && strcmp(request->route->method, MHD_HTTP_METHOD_GET) == 0) {
		make_tag(text, tag);
		if (is_known(request, tag)) {
			*text = 0;
			status = MHD_HTTP_NOT_MODIFIED;
		}
	}
	struct MHD_Response *response =
		text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", *tag ? "private, no-cache" : "no-store");
	if (*tag)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag);
	add_headers(request, response, status);
	enum MHD_Result queued = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return (int)queued;
}

int http_reply_json(struct http_request *request, unsigned status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	return http_reply_text(request, status, "application/json", text);
}

static int reply_problem(
	struct http_request *request, unsigned status, const struct fleet_error *error, const char *job)
{
	char detail[FLEET_CAUSE_BYTES + FLEET_REMEDY_BYTES + 4];
	snprintf(detail, sizeof detail, "%s%s%s", error->cause, *error->remedy ? "; " : "", error->remedy);
	json_t *body = json_pack("{s:s, s:s, s:i, s:s, s:s*}", "type", "about:blank", "title", title_of(status),
		"status", (int)status, "detail", detail, "jobId", job);
	/* The texts may quote a request that is no UTF-8. */
	if (!body)
		body = json_pack(
			"{s:s, s:s, s:i}", "type", "about:blank", "title", title_of(status), "status", (int)status);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	return http_reply_text(request, status, "application/problem+json", text);
}

int http_reply_problem(struct http_request *request, unsigned status, const struct fleet_error *error)
{
	return reply_problem(request, status, error, NULL);
}

int http_reply_error(struct http_request *request, unsigned status, const char *remedy, const char *cause, ...)
{
	struct fleet_error error;
	va_list args;
	va_start(args, cause);
	vsnprintf(error.cause, sizeof error.cause, cause, args);
	va_end(args);
	snprintf(error.remedy, sizeof error.remedy, "%s", remedy ? remedy : "");
	return reply_problem(request, status, &error, NULL);
}

int http_reply_conflict(struct http_request *request, const char *job, const char *remedy, const char *cause)
{
	struct fleet_error error;
	(void)!fleet_fail(&error, remedy, "%s", cause);
	return reply_problem(request, MHD_HTTP_CONFLICT, &error, job);
}

int http_reply_store(struct http_request *request)
{
	const struct store *store = request->server->store;
	if (store_is_full(store))
		return http_reply_error(request, MHD_HTTP_INSUFFICIENT_STORAGE,
			"free some space on the server's file system, then try again", "no space for the database");
	return http_reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "see what skerryd prints",
		"the database failed: %s", store_error(store));
}

unsigned http_file_status(int number)
{
	return number == ENOSPC || number == EDQUOT || number == EFBIG ? MHD_HTTP_INSUFFICIENT_STORAGE
								       : MHD_HTTP_INTERNAL_SERVER_ERROR;
}

const char *http_query(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool http_query_number(struct http_request *request, const char *name, uint64_t max, int64_t *value, int *rc)
{
	const char *text = http_query(request, name);
	uint64_t number = 0;
	if (text && !text_u64_parse(text, max, &number)) {
		*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, NULL, "%s is not a number from 0 to %llu", name,
			(unsigned long long)max);
		return false;
	}
	*value = (int64_t)number;
	return true;
}

int http_wait_ms(struct http_request *request, unsigned topics, int64_t ms)
{
	int64_t now = note_now_ms();
	if (!request->deadline_ms)
		request->deadline_ms = now + ms;
	request->waits_for = topics;
	return now < request->deadline_ms ? HTTP_WAIT : 0;
}

bool http_query_poll(struct http_request *request, int64_t *since, int *rc)
{
	int64_t seconds;
	if (!http_query_number(request, "since", INT64_MAX, since, rc) ||
		!http_query_number(request, "wait", WAIT_MAX_S, &seconds, rc))
		return false;
	request->wait_ms = seconds * 1000;
	return true;
}

int http_wait(struct http_request *request, unsigned topics)
{
	return http_wait_ms(request, topics, request->wait_ms);
}
