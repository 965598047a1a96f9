/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/audit */
#include "skerryd/http_api.h"

static int get_audit(struct http_request *request)
{
	int64_t since;
	int rc;
	json_t *rows;
	if (!http_query_number(request, "since", INT64_MAX, &since, &rc))
		return rc;
	if (store_audit_json(request->server->store, request->who.tenant, since, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "audit", rows);
}

const struct http_route http_audit_routes[] = {
	{"GET", "/api/v1/audit", HTTP_BODY_NONE, get_audit, ROLE_VIEWER},
	{0},
};
