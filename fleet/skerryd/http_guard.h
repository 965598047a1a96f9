/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose request has not come yet, in the order in which they began to be waited for. One that sends a byte now and then is never idle: it is
 * ended when it has been waited for too long, and sooner when connections run short. Addresses are not counted: a whole fleet may be behind one.
 */
#ifndef SKERRYD_HTTP_GUARD_H
#define SKERRYD_HTTP_GUARD_H

#include <microhttpd.h>
#include <stdint.h>

#include "skerryd/http_greet.h"

#define HTTP_GUARD_MS         60000 /* at most this for a request's head */
#define HTTP_GUARD_PRESSED_MS 10000 /* when three quarters of the connections are taken */

struct http_guard {
	struct http_guarded *first, *last;
	unsigned count, limit; /* open connections */
	struct http_greet greet;
};

/* MHD_OPTION_NOTIFY_CONNECTION; `ctx` is the guard. */
void http_guard_notify(
	void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode code);
/* All of its request is there that it may take its time with: it is waited for no more. */
void http_guard_served(struct http_guard *guard, struct MHD_Connection *connection);
/* Its answer is over: the next request is waited for. */
void http_guard_waits(struct http_guard *guard, struct MHD_Connection *connection, int64_t now_ms);
/* Ends those that take too long. */
void http_guard_run(struct http_guard *guard, int64_t now_ms);

#endif
