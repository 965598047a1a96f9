/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform.h"

#define EVENTS_MAX   512
#define GREETING_MAX 64

/* A handshake is over for us when we wrote something after the peer's first words. */
enum phase { PHASE_WAITING, PHASE_GREETING, PHASE_ANSWERED, PHASE_GREETED };

struct stream {
	struct sim_wire *wire;
	struct stream *next, *behind; /* of its device; in the line */
	struct sockaddr_in to;
	enum phase phase;
	int fd; /* -1: none */
	int error;
	uint32_t interest; /* as epoll knows it */
};

static int epoll_fd = -1;
static struct sim_wire *current;

int sim_wire_init(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd < 0 ? -1 : 0;
}

void sim_wire_enter(struct sim_wire *wire)
{
	current = wire;
}

/* ---- names: a simulated fleet has one or two servers; each is looked up once ---- */

#define NAMES_MAX 4

static struct {
	char host[254];
	struct in_addr address;
} known[NAMES_MAX];

/* Where it is, or would be put; NAMES_MAX: no room. */
static size_t name_find(const char *host)
{
	size_t i = 0;

	while (i < NAMES_MAX && known[i].host[0] && strcmp(known[i].host, host) != 0)
		i++;
	return i;
}

bool sim_wire_resolve(const char *host, const char *address)
{
	size_t i = name_find(host);

	if (i == NAMES_MAX || strlen(host) >= sizeof(known[i].host) ||
		inet_pton(AF_INET, address, &known[i].address) != 1)
		return false;
	(void)snprintf(known[i].host, sizeof(known[i].host), "%s", host);
	return true;
}

static struct in_addr *address_of(const char *host)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
	size_t i = name_find(host);

	if (i == NAMES_MAX)
		i--; /* the last one is forgotten */
	if (strcmp(known[i].host, host) == 0)
		return &known[i].address;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return NULL;
	(void)snprintf(known[i].host, sizeof(known[i].host), "%s", host);
	known[i].address = ((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr;
	freeaddrinfo(found);
	return &known[i].address;
}

/* ---- what epoll waits for ---- */

static void interest_set(struct stream *stream, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = stream};

	if (stream->fd < 0 || stream->interest == events)
		return;
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, stream->fd, &event);
	stream->interest = events;
}

static int socket_connect(struct stream *stream)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = stream};
	int on = 1;

	stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		return -STREAM_E_MEM;
	(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, stream->fd, &event) != 0)
		return -STREAM_E_MEM;
	stream->interest = event.events;
	if (connect(stream->fd, (struct sockaddr *)&stream->to, sizeof(stream->to)) != 0 && errno != EINPROGRESS)
		return -STREAM_E_REFUSED;
	return -STREAM_E_AGAIN;
}

/*
 * ---- the line ----
 * A real device has a processor of its own; these share one, which thousands of handshakes at once keep busy for longer than anybody's patience: all
 * would give up and begin anew, and pings would come too late. So only some are in a handshake, and the connections of the others are on their way.
 */

static struct stream *line, **line_end = &line;
static unsigned int greeting;

static void line_join(struct stream *stream)
{
	*line_end = stream;
	line_end = &stream->behind;
}

static void line_leave(const struct stream *stream)
{
	struct stream **link = &line;

	while (*link && *link != stream)
		link = &(*link)->behind;
	assert(*link);
	*link = stream->behind;
	if (!*link)
		line_end = link;
}

static void line_serve(void)
{
	while (line && greeting < GREETING_MAX) {
		struct stream *stream = line;

		line_leave(stream);
		stream->phase = PHASE_GREETING;
		greeting++;
		stream->error = socket_connect(stream);
	}
}

/* Its turn is over, however it ended. */
static void greeted(struct stream *stream)
{
	if (stream->phase == PHASE_WAITING)
		line_leave(stream);
	else if (stream->phase != PHASE_GREETED)
		greeting--;
	stream->phase = PHASE_GREETED;
	line_serve();
}

/* ---- the streams ---- */

static int wire_open(struct stream **out, const char *host, uint16_t port)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	const struct in_addr *address = address_of(host);

	if (!stream)
		return -STREAM_E_MEM;
	*stream = (struct stream){
		.wire = current, .next = current->streams, .fd = -1, .phase = PHASE_GREETED, .error = -STREAM_E_NAME};
	current->streams = stream;
	*out = stream;
	if (!address)
		return 0;
	stream->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = *address};
	stream->error = current->cut ? -STREAM_E_REFUSED : -STREAM_E_AGAIN;
	if (current->cut)
		return 0;
	stream->phase = PHASE_WAITING;
	line_join(stream);
	line_serve();
	return 0;
}

static int wire_status(const struct stream *stream)
{
	struct pollfd pollfd = {.fd = stream->fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int error = 0;

	if (stream->error != -STREAM_E_AGAIN)
		return stream->error;
	if (poll(&pollfd, 1, 0) != 1)
		return -STREAM_E_AGAIN;
	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
		return -STREAM_E_REFUSED;
	return 0;
}

static ssize_t result_of(ssize_t done)
{
	if (done >= 0)
		return done;
	return errno == EAGAIN || errno == EINTR ? -STREAM_E_AGAIN : -STREAM_E_RESET;
}

/* A slow link brings so many bytes a second, and holds a second's worth. */
static size_t budget_take(struct sim_wire *wire, size_t wanted)
{
	uint64_t now = platform_now_ms();

	if (wire->bytes_per_s == 0)
		return wanted;
	wire->budget += (now - wire->budget_ms) * wire->bytes_per_s / 1000;
	wire->budget_ms = now;
	if (wire->budget > wire->bytes_per_s)
		wire->budget = wire->bytes_per_s;
	wire->resume_ms = wire->budget == 0 ? now + 100 : 0;
	return wanted < wire->budget ? wanted : (size_t)wire->budget;
}

static ssize_t wire_read(struct stream *stream, void *buf, size_t len)
{
	size_t allowed;
	ssize_t done;

	if (stream->fd < 0)
		return -STREAM_E_RESET;
	allowed = budget_take(stream->wire, len);
	if (allowed == 0) {
		interest_set(stream, 0);
		return -STREAM_E_AGAIN;
	}
	done = result_of(recv(stream->fd, buf, allowed, 0));
	if (done > 0 && stream->phase == PHASE_GREETING)
		stream->phase = PHASE_ANSWERED;
	if (done > 0 && stream->wire->bytes_per_s)
		stream->wire->budget -= (uint64_t)done;
	interest_set(stream, EPOLLIN);
	return done == 0 ? -STREAM_E_CLOSED : done;
}

static ssize_t wire_write(struct stream *stream, const void *buf, size_t len)
{
	ssize_t done;

	if (stream->fd < 0)
		return -STREAM_E_RESET;
	done = result_of(send(stream->fd, buf, len, MSG_NOSIGNAL));
	interest_set(stream, done == -STREAM_E_AGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (done > 0 && stream->phase == PHASE_ANSWERED)
		greeted(stream);
	return done;
}

static void socket_drop(struct stream *stream, bool abort)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (stream->fd < 0)
		return;
	if (abort)
		(void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(stream->fd);
	stream->fd = -1;
}

static void wire_close(struct stream *stream, bool abort)
{
	struct stream **link = &stream->wire->streams;

	socket_drop(stream, abort);
	greeted(stream);
	while (*link != stream)
		link = &(*link)->next;
	*link = stream->next;
	free(stream);
}

const struct stream_ops sim_wire_ops = {wire_open, wire_status, wire_read, wire_write, wire_close};

void sim_wire_cut(struct sim_wire *wire, bool cut)
{
	wire->cut = cut;
	for (struct stream *stream = wire->streams; cut && stream; stream = stream->next) {
		socket_drop(stream, true);
		greeted(stream);
		stream->error = -STREAM_E_RESET;
	}
}

void sim_wire_wait(int timeout_ms, void (*ready)(void *ctx, struct sim_wire *wire), void *ctx)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(epoll_fd, events, EVENTS_MAX, timeout_ms);

	/* Only noted here: what serves a device may close streams of later events. */
	for (int i = 0; i < count; i++) {
		struct stream *stream = events[i].data.ptr;

		ready(ctx, stream->wire);
	}
}
