/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told live to those who listen (GET /api/v1/stream), each text made once for all of them: the last events in a ring, and the newest
 * picture of the fleet and of each rollout. A listener is only a position in that: a thousand of them cost no copies, and nothing is queued for a slow one.
 * One that fell behind the ring (a rollout starts thousands of devices in one stroke) is told from the database, a little at a time, as fast as it reads.
 */
#ifndef SKERRYD_STREAM_H
#define SKERRYD_STREAM_H

#include "skerryd/skerryd.h"

#define STREAM_RING       1024 /* events at hand; older ones are read from the database */
#define STREAM_BEAT_MS    15000
#define STREAM_FLEET_MS   1000
#define STREAM_ROLLOUT_MS 250
#define STREAM_LOG_MS     250

/* Server-sent events, ready to be sent. Shared: stream_text_drop() when done. */
struct stream_text {
	unsigned users;
	size_t len;
	char bytes[];
};
void stream_text_drop(struct stream_text *text);

struct stream_listener {
	char tenant[33], device[65], rollout[65]; /* "": all */
	int64_t event, line;                      /* numbers of the last event and log line told */
	uint64_t picture, logs;                   /* the newest picture told; the hub's count of log changes seen */
	int64_t line_due_ms, beat_due_ms;
};

struct stream_hub;

struct stream_hub *stream_hub_new(struct skerryd *server);
void stream_hub_free(struct stream_hub *hub);

/* One listener more. `since`: events after this one, -1: from now on. 0 or -1: the database failed, or out of memory. */
int stream_join(struct stream_hub *hub, struct stream_listener *listener, int64_t since) STORE_CHECK;
void stream_leave(struct stream_hub *hub, const struct stream_listener *listener);

/* `changed` (enum skerryd_topic): take up what is new. */
void stream_update(struct stream_hub *hub, unsigned changed, int64_t now_ms);
/* When stream_update() has something to do that it put off, INT64_MAX: nothing. */
int64_t stream_due_ms(const struct stream_hub *hub);

/* What to send next, NULL: nothing yet. *lost: the database failed: end it. */
struct stream_text *stream_next(struct stream_hub *hub, struct stream_listener *listener, int64_t now_ms, bool *lost);

#endif
