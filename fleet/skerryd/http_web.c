/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard: `/` and every `/ui/…` is its page, which reads the rest of the path; `/assets/…` is what the page asks for. No token: they hold nothing secret. */
#include <string.h>

#include "skerryd/http_api.h"
#include "skerryd/web.h"

/* Nothing from elsewhere, no script or style within the page, nobody's frame. */
#define POLICY "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'"

static void add_headers(struct MHD_Response *response, const struct web_asset *asset)
{
	/* A name with a hash never means other bytes. */
	const char *keep = *asset->name ? "public, max-age=31536000, immutable" : "no-cache";
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, asset->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, asset->tag);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, keep);
	MHD_add_response_header(response, "Content-Security-Policy", POLICY);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
}

static int reply_asset(struct http_request *request, const struct web_asset *asset)
{
	const char *seen =
		MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
	bool is_cached = seen && strstr(seen, asset->tag);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		is_cached ? 0 : asset->len, (void *)(uintptr_t)asset->bytes, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	add_headers(response, asset);
	if (asset->encoding && !is_cached)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, asset->encoding);
	enum MHD_Result queued =
		MHD_queue_response(request->connection, is_cached ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return (int)queued;
}

static int get_page(struct http_request *request)
{
	return reply_asset(request, &web_assets[0]);
}

static int get_asset(struct http_request *request)
{
	for (const struct web_asset *asset = &web_assets[1]; asset->name; asset++)
		if (strcmp(asset->name, request->id) == 0)
			return reply_asset(request, asset);
	return http_reply_error(request, MHD_HTTP_NOT_FOUND, "load the page again: skerryd is another one now",
		"there is no such file");
}

const struct http_route http_web_routes[] = {
	{"GET", "/", HTTP_BODY_NONE, get_page, ROLE_NOBODY},
	{"GET", "/ui/*", HTTP_BODY_NONE, get_page, ROLE_NOBODY},
	{"GET", "/ui/*/*", HTTP_BODY_NONE, get_page, ROLE_NOBODY},
	{"GET", "/assets/*", HTTP_BODY_NONE, get_asset, ROLE_NOBODY},
	{0},
};
