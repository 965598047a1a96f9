/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/stream: the connections of those who listen (stream.h has what they are told). Suspended while there is nothing to send. */
#ifndef SKERRYD_HTTP_STREAM_H
#define SKERRYD_HTTP_STREAM_H

#include "skerryd/stream.h"

struct http_streams;

struct http_streams *http_streams_new(struct skerryd *server);
/* After the HTTP server has ended. */
void http_streams_free(struct http_streams *streams);
/* `changed` (enum skerryd_topic): those who have something to be told go on. */
void http_streams_run(struct http_streams *streams, unsigned changed, int64_t now_ms);
/* When http_streams_run() is to be called at the latest. */
int64_t http_streams_due_ms(const struct http_streams *streams);
/* Those of this token end. */
void http_streams_cut(struct http_streams *streams, const char *token);
/* All of them end, as soon as what was begun is told. True: call again, some are still there. */
bool http_streams_stop(struct http_streams *streams);

#endif
