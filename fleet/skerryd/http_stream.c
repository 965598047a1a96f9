/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/http_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/text.h"
#include "skerryd/http_api.h"
#include "skerryd/note.h"

#define STREAMS_MAX  2048
#define PAUSE_MS     20   /* between two rounds through all streams: a burst of changes costs one */
#define TURN_MS      1000 /* how late a beat may be */
#define BLOCK_BYTES  1024 /* libmicrohttpd's own, for clients of HTTP/1.0 */
#define SOCKET_BYTES (64 << 10)
#define HEAD_BYTES   64

struct stream {
	struct stream *next;
	struct http_streams *streams;
	struct MHD_Connection *connection;
	struct stream_listener listener;
	struct principal who;
	struct stream_text *text; /* being sent */
	size_t sent;              /* bytes of it */
	bool suspended, lost;
};

struct http_streams {
	struct stream_hub *hub;
	struct stream *first;
	unsigned count, changed;
	int64_t round_ms, turn_ms; /* of the last round; when there is one although nothing changed */
	bool stopping;
};

/* ---- one stream ---- */

/* Is there something to send, or nothing ever more? */
static bool is_ready(struct stream *stream, int64_t now_ms)
{
	if (!stream->text && !stream->lost) {
		stream->text = stream_next(stream->streams->hub, &stream->listener, now_ms, &stream->lost);
		stream->sent = 0;
	}
	return stream->text || stream->lost || stream->streams->stopping;
}

/* As much of the text being sent as there is room for. */
static size_t copy_text(struct stream *stream, char *out, size_t room)
{
	size_t len = stream->text->len - stream->sent;
	len = len < room ? len : room;
	memcpy(out, stream->text->bytes + stream->sent, len);
	stream->sent += len;
	if (stream->sent == stream->text->len) {
		stream_text_drop(stream->text);
		stream->text = NULL;
	}
	return len;
}

/* Called once in a turn of the loop: one event at a time would be too slow for a rollout to thousands. */
static ssize_t read_stream(void *ctx, uint64_t position, char *out, size_t max)
{
	struct stream *stream = ctx;
	size_t len;
	int64_t now_ms = note_now_ms();
	/* Where it begins: a client that is cut off before its first event goes on from there. */
	if (position == 0 && max >= HEAD_BYTES)
		return snprintf(out, max, "retry: 2000\nid: %lld\n\n", (long long)stream->listener.event);
	for (len = 0; len < max && is_ready(stream, now_ms) && stream->text;)
		len += copy_text(stream, out + len, max - len);
	if (len)
		return (ssize_t)len;
	/* What was begun is ended, so that a reader never takes half an event for a whole one. */
	if (stream->lost || stream->streams->stopping)
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->suspended = true;
	MHD_suspend_connection(stream->connection);
	return 0;
}

static void free_stream(void *ctx)
{
	struct stream *stream = ctx;
	struct http_streams *streams = stream->streams;
	for (struct stream **at = &streams->first; *at; at = &(*at)->next) {
		if (*at == stream) {
			*at = stream->next;
			break;
		}
	}
	streams->count--;
	stream_leave(streams->hub, &stream->listener);
	stream_text_drop(stream->text);
	free(stream);
}

/* What the kernel would hold for a slow reader, by default megabytes. */
static void bound_socket(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const int bytes = SOCKET_BYTES;
	if (info)
		setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static int begin(struct http_request *request, struct stream *stream)
{
	struct http_streams *streams = stream->streams;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, stream, free_stream);
	stream->next = streams->first;
	streams->first = stream;
	streams->count++;
	if (!response) {
		free_stream(stream);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", "text/event-stream");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Accel-Buffering", "no");
	bound_socket(request->connection);
	enum MHD_Result queued = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return (int)queued;
}

/* ---- the route ---- */

/* `since` and the filters; false: an answer was queued, return *rc. */
static bool read_query(struct http_request *request, struct stream_listener *listener, int64_t *since, int *rc)
{
	const char *device = http_query(request, "device"), *rollout = http_query(request, "rollout");
	if ((device && !text_is_id(device)) || (rollout && !text_is_id(rollout))) {
		*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, NULL, "%s is not an id",
			device && !text_is_id(device) ? "device" : "rollout");
		return false;
	}
	if (!http_query_number(request, "since", INT64_MAX, since, rc))
		return false;
	if (!http_query(request, "since"))
		*since = -1;
	snprintf(listener->tenant, sizeof listener->tenant, "%s", request->who.tenant);
	snprintf(listener->device, sizeof listener->device, "%s", device ? device : "");
	snprintf(listener->rollout, sizeof listener->rollout, "%s", rollout ? rollout : "");
	return true;
}

static int get_stream(struct http_request *request)
{
	struct http_streams *streams = http_streams_of(request->http);
	struct stream_listener listener = {.beat_due_ms = note_now_ms() + STREAM_BEAT_MS};
	int64_t since;
	int rc;
	if (!read_query(request, &listener, &since, &rc))
		return rc;
	if (streams->count >= STREAMS_MAX)
		return http_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			"try again later, or poll /api/v1/events", "%d streams are open already", STREAMS_MAX);
	struct stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return MHD_NO;
	stream->streams = streams;
	stream->connection = request->connection;
	stream->listener = listener;
	stream->who = request->who;
	if (stream_join(streams->hub, &stream->listener, since) == 0)
		return begin(request, stream);
	free(stream);
	return http_reply_store(request);
}

const struct http_route http_stream_routes[] = {
	{"GET", "/api/v1/stream", HTTP_BODY_NONE, get_stream, ROLE_VIEWER},
	{0},
};

/* ---- all of them ---- */

void http_streams_run(struct http_streams *streams, unsigned changed, int64_t now_ms)
{
	streams->changed |= changed;
	if (!streams->first || now_ms < http_streams_due_ms(streams))
		return;
	streams->round_ms = now_ms;
	streams->turn_ms = now_ms + TURN_MS;
	stream_update(streams->hub, streams->changed, now_ms);
	streams->changed = 0;
	int64_t now = note_now();
	for (struct stream *stream = streams->first; stream; stream = stream->next) {
		stream->lost |= stream->who.expires_at && stream->who.expires_at <= now;
		if (stream->suspended && is_ready(stream, now_ms)) {
			stream->suspended = false;
			MHD_resume_connection(stream->connection);
		}
	}
}

int64_t http_streams_due_ms(const struct http_streams *streams)
{
	if (!streams->first)
		return INT64_MAX;
	int64_t due = stream_due_ms(streams->hub);
	if (streams->changed)
		due = 0;
	due = due < streams->round_ms + PAUSE_MS ? streams->round_ms + PAUSE_MS : due;
	return streams->stopping ? 0 : due < streams->turn_ms ? due : streams->turn_ms;
}

void http_streams_cut(struct http_streams *streams, const char *token)
{
	for (struct stream *stream = streams->first; stream; stream = stream->next)
		stream->lost |= strcmp(stream->who.token, token) == 0;
	streams->turn_ms = 0;
}

bool http_streams_stop(struct http_streams *streams)
{
	streams->stopping = true;
	http_streams_run(streams, 0, note_now_ms());
	return streams->count > 0;
}

struct http_streams *http_streams_new(struct skerryd *server)
{
	struct http_streams *streams = calloc(1, sizeof *streams);
	if (streams && !(streams->hub = stream_hub_new(server))) {
		free(streams);
		return NULL;
	}
	return streams;
}

void http_streams_free(struct http_streams *streams)
{
	if (streams)
		stream_hub_free(streams->hub);
	free(streams);
}
