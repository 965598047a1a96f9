/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/keysets */
#include "skerryd/http_api.h"

static int get_keysets(struct http_request *request)
{
	json_t *rows;
	if (store_keysets_json(request->server->store, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "keysets", rows);
}

static int post_keyset(struct http_request *request)
{
	struct fleet_error error;
	struct skerryd *server = request->server;
	if (!request->body_len)
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send the keyset's bytes", "the body is empty");
	enum trust_outcome outcome = trust_take(server, request->body, request->body_len, &request->who, &error);
	switch (outcome) {
	case TRUST_TAKEN:
	case TRUST_KNOWN:
		return http_reply_json(request, outcome == TRUST_TAKEN ? MHD_HTTP_CREATED : MHD_HTTP_OK,
			json_pack("{s:I}", "newest", (json_int_t)server->trust.newest.version));
	case TRUST_REFUSED:
		return http_reply_problem(request, MHD_HTTP_UNPROCESSABLE_CONTENT, &error);
	case TRUST_CONFLICT:
		return http_reply_problem(request, MHD_HTTP_CONFLICT, &error);
	default:
		return http_reply_store(request);
	}
}

const struct http_route http_keyset_routes[] = {
	{"GET", "/api/v1/keysets", HTTP_BODY_NONE, get_keysets, ROLE_VIEWER},
	{"POST", "/api/v1/keysets", HTTP_BODY_KEYSET, post_keyset, ROLE_FLEET_ADMIN},
	{0},
};
