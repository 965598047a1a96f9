/* SPDX-License-Identifier: Apache-2.0 */
/* Streams over POSIX sockets, for agents on Linux and for tests. Name lookup may block for as long as the resolver does. */
#ifndef AGENT_STREAM_SOCKET_H
#define AGENT_STREAM_SOCKET_H

#include "stream.h"

extern const struct stream_ops stream_socket_ops;

/* For poll(): the descriptors of all open streams and the events they wait for. Returns the count, at most `max`. */
struct pollfd;
size_t stream_socket_pollfds(struct pollfd *fds, size_t max);

#endif
