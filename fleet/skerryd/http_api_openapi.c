/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/openapi.json: fleet/openapi.json as it was when skerryd was built. */
#include "skerryd/http_api.h"
#include "skerryd/openapi_text.h"

static int get_openapi(struct http_request *request)
{
	return http_reply_json(
		request, MHD_HTTP_OK, json_loadb((const char *)openapi_text, sizeof openapi_text, 0, NULL));
}

const struct http_route http_openapi_routes[] = {
	{"GET", "/api/v1/openapi.json", HTTP_BODY_NONE, get_openapi, ROLE_VIEWER},
	{0},
};
