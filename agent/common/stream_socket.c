/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAMS_MAX 4

struct stream {
	int fd; /* -1: none; the error stands in `error` */
	int error;
	bool used, connecting, blocked; /* blocked: the last write did not fit */
};

static struct stream streams[STREAMS_MAX];

static void socket_connect(struct stream *stream, const struct addrinfo *address)
{
	int on = 1;

	stream->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0) {
		stream->error = -STREAM_E_MEM;
		return;
	}
	(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	stream->error = -STREAM_E_AGAIN;
	stream->connecting = true;
	if (connect(stream->fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
		stream->error = -STREAM_E_REFUSED;
}

static int socket_open(struct stream **out, const char *host, uint16_t port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	struct stream *stream = NULL;
	char service[8];

	for (size_t i = 0; i < STREAMS_MAX && !stream; i++)
		if (!streams[i].used)
			stream = &streams[i];
	if (!stream)
		return -STREAM_E_MEM;
	*stream = (struct stream){.fd = -1, .used = true, .error = -STREAM_E_NAME};
	(void)snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &found) == 0) {
		socket_connect(stream, found);
		freeaddrinfo(found);
	}
	*out = stream;
	return 0;
}

/* A connect that ended shows as writable; SO_ERROR then says how. */
static int socket_status(const struct stream *stream)
{
	struct pollfd pollfd = {.fd = stream->fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	if (stream->error != -STREAM_E_AGAIN)
		return stream->error;
	if (poll(&pollfd, 1, 0) != 1)
		return -STREAM_E_AGAIN;
	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
		return -STREAM_E_REFUSED;
	return 0;
}

static ssize_t socket_result(struct stream *stream, ssize_t done)
{
	stream->connecting = false;
	if (done >= 0)
		return done;
	return errno == EAGAIN || errno == EINTR ? -STREAM_E_AGAIN : -STREAM_E_RESET;
}

static ssize_t socket_read(struct stream *stream, void *buf, size_t len)
{
	ssize_t done = socket_result(stream, recv(stream->fd, buf, len, 0));

	return done == 0 ? -STREAM_E_CLOSED : done;
}

static ssize_t socket_write(struct stream *stream, const void *buf, size_t len)
{
	ssize_t done = socket_result(stream, send(stream->fd, buf, len, MSG_NOSIGNAL));

	stream->blocked = done == -STREAM_E_AGAIN;
	return done;
}

static void socket_close(struct stream *stream, bool abort)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (stream->fd >= 0) {
		if (abort)
			(void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		(void)close(stream->fd);
	}
	stream->used = false;
}

const struct stream_ops stream_socket_ops = {socket_open, socket_status, socket_read, socket_write, socket_close};

size_t stream_socket_pollfds(struct pollfd *fds, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < STREAMS_MAX && count < max; i++) {
		const struct stream *stream = &streams[i];

		if (!stream->used || stream->fd < 0)
			continue;
		fds[count] = (struct pollfd){.fd = stream->fd, .events = POLLIN};
		if (stream->connecting || stream->blocked)
			fds[count].events |= POLLOUT;
		count++;
	}
	return count;
}
