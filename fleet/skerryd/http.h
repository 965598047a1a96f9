/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS (fleet/API.md): libmicrohttpd, driven by the main loop. A request that waits (long poll) is suspended: it costs a connection, no thread.
 */
#ifndef SKERRYD_HTTP_H
#define SKERRYD_HTTP_H

#include <stdint.h>

#include "shared/error.h"

#define HTTP_CONNECTIONS_MAX 4096 /* fewer if descriptors are limited */

struct skerryd;
struct http;

/* Listen. 0 or -1 with *error: the address, the port, the certificate. */
int http_start(struct skerryd *server, struct http **http, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Answers those who wait, then closes all connections. */
void http_stop(struct http *http);

/* Readable, one or the other, when http_run() has something to do; and in how many ms it has at the latest (at most `max_ms`). */
int http_fd(const struct http *http);
int http_greet_fd(const struct http *http);
int http_timeout_ms(const struct http *http, int max_ms);
void http_run(struct http *http);

/* `changed` (enum skerryd_topic, or-ed): those who wait for it look again, at the next http_run(). */
void http_wake(struct http *http, unsigned changed);

#endif
