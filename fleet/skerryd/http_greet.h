/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections in their TLS handshake. libmicrohttpd (0.9.75) tries each of them anew in every turn and asks for the next turn at once, for as long as
 * the peer takes: one that sends three bytes and falls silent would keep a processor busy, and of what a handshake costs a loaded server most would be
 * such tries. So each is suspended after its turn until its socket has something for it.
 */
#ifndef SKERRYD_HTTP_GREET_H
#define SKERRYD_HTTP_GREET_H

#include <microhttpd.h>
#include <stdbool.h>

#include "shared/error.h"

enum http_greeting_state {
	GREETING_OVER,
	GREETING_NEW,   /* nothing has come: libmicrohttpd waits for it, and so do we */
	GREETING_RUNS,  /* in the list `runs`: something came, libmicrohttpd has its turn */
	GREETING_SLEEPS /* in the list `sleeps`: suspended, we wait for it */
};

/* A connection's part; the owner of the connection has it. */
struct http_greeting {
	struct http_greeting *next, **at;
	struct MHD_Connection *connection;
	int fd, turns; /* that libmicrohttpd still has until it sleeps */
	enum http_greeting_state state;
	bool has_begun;
};

struct http_greet {
	struct http_greeting *runs, *sleeps;
	int fd; /* epoll; readable when http_greet_wake() has something to do */
	bool stopping;
};

/* 0 or -1. */
int http_greet_open(struct http_greet *greet, struct fleet_error *error) __attribute__((warn_unused_result));
void http_greet_close(struct http_greet *greet);

/* A connection was accepted; `one`, zeroed, stays where it is until http_greet_leave(). */
void http_greet_join(struct http_greet *greet, struct http_greeting *one, struct MHD_Connection *connection);
/* It is closed, or has sent a request: its handshake is over. */
void http_greet_leave(struct http_greet *greet, struct http_greeting *one);

/* Before MHD_run(): who got something goes on. */
void http_greet_wake(struct http_greet *greet);
/* After MHD_run(): who is not through waits. */
void http_greet_rest(struct http_greet *greet);

/* For good: nobody sleeps any more, as MHD_stop_daemon() demands it after one more MHD_run(). */
void http_greet_stop(struct http_greet *greet);

#endif
