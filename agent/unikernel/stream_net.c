/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/net.h"
#include "kernel_ops.h"

/* A struct stream is a struct net_tcp under another name: neither is ever looked into here. */
static struct net_tcp *tcp_of(struct stream *stream)
{
	return (struct net_tcp *)stream;
}

static int error_of(int error)
{
	switch (-error) {
	case NET_E_AGAIN:
		return -STREAM_E_AGAIN;
	case NET_E_CLOSED:
		return -STREAM_E_CLOSED;
	case NET_E_RESET:
		return -STREAM_E_RESET;
	case NET_E_NAME:
		return -STREAM_E_NAME;
	case NET_E_MEM:
		return -STREAM_E_MEM;
	default:
		return -STREAM_E_REFUSED;
	}
}

static int net_stream_open(struct stream **stream, const char *host, uint16_t port)
{
	struct net_tcp *tcp;
	int error = net_tcp_open(&tcp, host, port);

	if (error != 0)
		return error_of(error);
	*stream = (struct stream *)tcp;
	return 0;
}

static int net_stream_status(const struct stream *stream)
{
	int error = net_tcp_status((const struct net_tcp *)stream);

	return error == 0 ? 0 : error_of(error);
}

static ssize_t net_stream_read(struct stream *stream, void *buf, size_t len)
{
	ssize_t done = net_tcp_read(tcp_of(stream), buf, len);

	return done > 0 ? done : error_of((int)done);
}

static ssize_t net_stream_write(struct stream *stream, const void *buf, size_t len)
{
	ssize_t done = net_tcp_write(tcp_of(stream), buf, len);

	return done > 0 ? done : error_of((int)done);
}

static void net_stream_close(struct stream *stream, bool abort)
{
	net_tcp_close(tcp_of(stream), abort);
}

const struct stream_ops stream_net_ops = {
	net_stream_open, net_stream_status, net_stream_read, net_stream_write, net_stream_close};
