/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers of the API share. */
#ifndef SKERRYD_HTTP_API_H
#define SKERRYD_HTTP_API_H

#include "skerryd/http_priv.h"

/* `rc` of a store or devices call for one thing: STORE_NONE → 404 about `what` request->id, -1 → the database failed. */
int http_reply_missing(struct http_request *request, int rc, const char *what);
/* The device request->id is there, and of a tenant that request->who sees; else an answer was queued, return *rc. */
bool http_device_is_visible(struct http_request *request, int *rc);
/* The object has no member but those in `names` (NULL-terminated); else an answer was queued, return *rc. */
bool http_check_members(struct http_request *request, const json_t *object, const char *const *names, int *rc);
/* {`member`: rows}. Takes the reference. */
int http_reply_rows(struct http_request *request, const char *member, json_t *rows);

#endif
