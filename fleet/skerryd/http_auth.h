/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, whether they may, and how often. */
#ifndef SKERRYD_HTTP_AUTH_H
#define SKERRYD_HTTP_AUTH_H

#include "skerryd/http_priv.h"

struct http_auth;

struct http_auth *http_auth_new(const struct settings *settings);
void http_auth_free(struct http_auth *auth);

/* Sets request->who by its token, or request->refusal: 401 without a good one, 429 too often. */
void http_auth_identify(struct http_auth *auth, struct http_request *request);
/* The route's role, and a device of the tenant's own; or a refusal: 403, 404. */
void http_auth_permit(struct http_request *request);

/* "viewer", "operator", "admin"; of anything else 0. */
const char *http_role_name(enum role role);
enum role http_role_parse(const char *name);

#endif
