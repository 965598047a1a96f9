/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers of the API share. */
#ifndef SKERRYD_HTTP_API_H
#define SKERRYD_HTTP_API_H

#include "skerryd/http_priv.h"

/* `rc` of a store or devices call for one thing: STORE_NONE → 404 about `what` request->id, -1 → the database failed. */
int http_reply_missing(struct http_request *request, int rc, const char *what);
/* The device request->id is there, and of a tenant that request->who sees; else an answer was queued, return *rc. */
bool http_device_is_visible(struct http_request *request, int *rc);
/* The tenant that a new thing goes to: that of who asks; of who has all: `?tenant=`, else "default". NULL: an answer was queued, return *rc. */
const char *http_tenant(struct http_request *request, int *rc);
/* An act of an operator, for the audit log (audit.h). */
struct http_act {
	const char *action, *what; /* "device.retire"; "device": with "/" and the id it is the object */
	const char *id;            /* NULL: request->id */
	json_t *details;           /* the reference is taken */
};
/*
 * End of the group that carries out an act; `rc` is that of the calls in it. Not 0: undoes it. 0: writes the act down and commits. 0: done; else the answer was
 * queued, return *reply: 404 for STORE_NONE.
 */
int http_end_act(struct http_request *request, int rc, const struct http_act *act, int *reply);
/* The object has no member but those in `names` (NULL-terminated); else an answer was queued, return *rc. */
bool http_check_members(struct http_request *request, const json_t *object, const char *const *names, int *rc);
/* {`member`: rows}. Takes the reference. */
int http_reply_rows(struct http_request *request, const char *member, json_t *rows);

#endif
