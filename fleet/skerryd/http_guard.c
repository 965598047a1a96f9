/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/http_guard.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "skerryd/note.h"

struct http_guarded {
	struct http_guarded *before, *next;
	int fd;
	int64_t since_ms;
	bool waits, ended;
	struct http_greeting greeting;
};

static struct http_guarded *of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void append(struct http_guard *guard, struct http_guarded *one, int64_t now_ms)
{
	one->waits = true;
	one->since_ms = now_ms;
	one->before = guard->last;
	one->next = NULL;
	*(guard->last ? &guard->last->next : &guard->first) = one;
	guard->last = one;
}

static void take_out(struct http_guard *guard, struct http_guarded *one)
{
	if (!one->waits)
		return;
	*(one->before ? &one->before->next : &guard->first) = one->next;
	*(one->next ? &one->next->before : &guard->last) = one->before;
	one->waits = false;
}

static void begin(struct http_guard *guard, struct MHD_Connection *connection, void **slot)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_guarded *one = calloc(1, sizeof *one);
	*slot = one;
	if (!one)
		return; /* not watched: the idle timeout is left */
	one->fd = info ? info->connect_fd : -1;
	http_greet_join(&guard->greet, &one->greeting, connection);
	guard->count++;
	append(guard, one, note_now_ms());
}

void http_guard_notify(
	void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode code)
{
	struct http_guard *guard = ctx;
	struct http_guarded *one = *slot;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		begin(guard, connection, slot);
		return;
	}
	if (!one)
		return;
	take_out(guard, one);
	http_greet_leave(&guard->greet, &one->greeting);
	guard->count -= !one->ended;
	free(one);
	*slot = NULL;
}

void http_guard_served(struct http_guard *guard, struct MHD_Connection *connection)
{
	struct http_guarded *one = of(connection);
	if (!one)
		return;
	take_out(guard, one);
	http_greet_leave(&guard->greet, &one->greeting);
}

void http_guard_waits(struct http_guard *guard, struct MHD_Connection *connection, int64_t now_ms)
{
	struct http_guarded *one = of(connection);
	if (!one || one->ended)
		return;
	take_out(guard, one);
	append(guard, one, now_ms);
}

void http_guard_run(struct http_guard *guard, int64_t now_ms)
{
	while (guard->first) {
		struct http_guarded *one = guard->first;
		bool pressed = guard->count > guard->limit / 4 * 3;
		if (now_ms - one->since_ms < (pressed ? HTTP_GUARD_PRESSED_MS : HTTP_GUARD_MS))
			return;
		take_out(guard, one);
		one->ended = true;
		guard->count--;
		/* libmicrohttpd has no word for it; it sees the end of the stream and closes. */
		shutdown(one->fd, SHUT_RDWR);
	}
}
