/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ota/manifest.h"
#include "skerryd/http_priv.h"

static size_t body_max(const struct http_request *request)
{
	switch (request->route->body) {
	case HTTP_BODY_JSON:
		return HTTP_JSON_MAX;
	case HTTP_BODY_CLAIM:
		return HTTP_CLAIM_MAX;
	case HTTP_BODY_MANIFEST:
		return OTA_MANIFEST_BYTES_MAX;
	case HTTP_BODY_KEYSET:
		return OTA_KEYSET_BYTES_MAX;
	case HTTP_BODY_PAYLOAD:
		return HTTP_PAYLOAD_MAX;
	case HTTP_BODY_NONE:
		break;
	}
	return 0;
}

static void refuse_size(struct http_request *request)
{
	request->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
	(void)!fleet_fail(&request->why, "send less", "the body has more than the %zu bytes that are allowed here",
		body_max(request));
}

static void begin_payload(struct http_request *request)
{
	struct home_path path = home_path(&request->server->settings.home, HOME_ARTIFACTS "/%s.fit", request->id);
	ota_sha256_begin(&request->sha);
	errno = 0;
	if (file_draft_open(&request->draft, path.text, 0644, &request->why) < 0)
		request->refusal = (int)http_file_status(errno);
}

void http_body_begin(struct http_request *request)
{
	const char *length =
		MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (request->refusal)
		return;
	/* Too long is told before the client has sent it all; libmicrohttpd has checked that it is a number. */
	if (length && strtoull(length, NULL, 10) > body_max(request))
		refuse_size(request);
	else if (request->route->body == HTTP_BODY_PAYLOAD)
		begin_payload(request);
}

static void add_to_memory(struct http_request *request, const void *data, size_t len)
{
	uint8_t *body = realloc(request->body, request->body_len + len + 1);
	if (!body) {
		request->refusal = MHD_HTTP_INTERNAL_SERVER_ERROR;
		(void)!fleet_fail(&request->why, "try again", "out of memory");
		return;
	}
	memcpy(body + request->body_len, data, len);
	request->body = body;
	request->body_len += len;
	body[request->body_len] = 0;
}

static void add_to_file(struct http_request *request, const void *data, size_t len)
{
	ota_sha256_add(&request->sha, data, len);
	errno = 0;
	if (file_draft_write(&request->draft, request->draft_bytes, data, len, &request->why) == 0) {
		request->draft_bytes += len;
		return;
	}
	request->refusal = (int)http_file_status(errno);
	file_draft_drop(&request->draft); /* gives the space back now, not when the client is done */
}

void http_body_add(struct http_request *request, const void *data, size_t len)
{
	size_t have = request->body_len + (size_t)request->draft_bytes;
	if (request->refusal)
		return; /* swallowed: a client that is still sending would not read the answer */
	if (len > body_max(request) - have)
		refuse_size(request);
	else if (request->route->body == HTTP_BODY_PAYLOAD)
		add_to_file(request, data, len);
	else
		add_to_memory(request, data, len);
}

json_t *http_body_json(struct http_request *request, int *rc)
{
	json_error_t where;
	json_t *body = json_loadb((const char *)request->body, request->body_len, JSON_REJECT_DUPLICATES, &where);
	if (json_is_object(body))
		return body;
	*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send a JSON object", "the body is no JSON object%s%s",
		body ? "" : ": ", body ? "" : where.text);
	json_decref(body);
	return NULL;
}

void http_body_free(struct http_request *request)
{
	free(request->body);
	request->body = NULL;
	file_draft_drop(&request->draft);
}
