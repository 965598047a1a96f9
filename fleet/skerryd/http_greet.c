/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/http_greet.h"

#include <gnutls/gnutls.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define TURNS      2 /* in one that is resumed is watched again, in the next it is read */

int http_greet_open(struct http_greet *greet, struct fleet_error *error)
{
	greet->fd = epoll_create1(EPOLL_CLOEXEC);
	return greet->fd < 0 ? fleet_fail_errno(error, NULL, "cannot make an epoll") : 0;
}

void http_greet_close(struct http_greet *greet)
{
	if (greet->fd >= 0)
		close(greet->fd);
	greet->fd = -1;
}

/* ---- the lists ---- */

static void put_in(struct http_greeting **list, struct http_greeting *one, enum http_greeting_state state)
{
	one->state = state;
	one->at = list;
	one->next = *list;
	if (one->next)
		one->next->at = &one->next;
	*list = one;
}

static void take_out(struct http_greeting *one)
{
	if (one->state != GREETING_RUNS && one->state != GREETING_SLEEPS)
		return;
	*one->at = one->next;
	if (one->next)
		one->next->at = one->at;
}

/* ---- the socket ---- */

static gnutls_session_t session_of(const struct http_greeting *one)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(one->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info ? info->tls_session : NULL;
}

/* Once; what has come already counts. False: it cannot be watched, and must not sleep. */
static bool watch(const struct http_greet *greet, struct http_greeting *one, int how, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = one};
	return epoll_ctl(greet->fd, how, one->fd, &event) == 0;
}

void http_greet_join(struct http_greet *greet, struct http_greeting *one, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	one->connection = connection;
	one->fd = info ? info->connect_fd : -1;
	one->state = watch(greet, one, EPOLL_CTL_ADD, EPOLLIN) ? GREETING_NEW : GREETING_OVER;
}

void http_greet_leave(struct http_greet *greet, struct http_greeting *one)
{
	if (one->state == GREETING_OVER)
		return;
	take_out(one);
	(void)epoll_ctl(greet->fd, EPOLL_CTL_DEL, one->fd, NULL);
	one->state = GREETING_OVER;
}

/* ---- a turn ---- */

void http_greet_wake(struct http_greet *greet)
{
	struct epoll_event events[EVENTS_MAX];
	int count;
	do {
		count = epoll_wait(greet->fd, events, EVENTS_MAX, 0);
		for (int i = 0; i < count; i++) {
			struct http_greeting *one = events[i].data.ptr;
			if (one->state == GREETING_SLEEPS)
				MHD_resume_connection(one->connection);
			take_out(one);
			put_in(&greet->runs, one, GREETING_RUNS);
			one->turns = TURNS;
		}
	} while (count == EVENTS_MAX);
}

/* GnuTLS names the last message of a handshake that goes on, and none before it and after it: both are -1 then. */
static bool is_through(struct http_greeting *one, gnutls_session_t session)
{
	bool goes_on =
		(int)gnutls_handshake_get_last_in(session) >= 0 || (int)gnutls_handshake_get_last_out(session) >= 0;
	one->has_begun |= goes_on;
	return one->has_begun && !goes_on;
}

/* Sleeps if it has had its turns and is not through. */
static void rest(struct http_greet *greet, struct http_greeting *one)
{
	gnutls_session_t session = session_of(one);
	if (!session || is_through(one, session)) {
		http_greet_leave(greet, one);
		return;
	}
	if (--one->turns > 0)
		return;
	if (!watch(greet, one, EPOLL_CTL_MOD, gnutls_record_get_direction(session) ? EPOLLOUT : EPOLLIN)) {
		http_greet_leave(greet, one);
		return;
	}
	take_out(one);
	put_in(&greet->sleeps, one, GREETING_SLEEPS);
	MHD_suspend_connection(one->connection);
}

void http_greet_rest(struct http_greet *greet)
{
	struct http_greeting *next;
	for (struct http_greeting *one = greet->stopping ? NULL : greet->runs; one; one = next) {
		next = one->next;
		rest(greet, one);
	}
}

void http_greet_stop(struct http_greet *greet)
{
	greet->stopping = true;
	for (struct http_greeting *one = greet->sleeps; one; one = greet->sleeps) {
		MHD_resume_connection(one->connection);
		http_greet_leave(greet, one);
	}
}
