/* SPDX-License-Identifier: Apache-2.0 */
/* Non-blocking byte streams: what TLS stands on. Each platform fills one const table. One thread. */
#ifndef AGENT_STREAM_H
#define AGENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Negative results. */
enum stream_error {
	STREAM_E_AGAIN = 1, /* nothing to read, no room to write, still connecting */
	STREAM_E_CLOSED,    /* the peer closed its side and everything before was read */
	STREAM_E_RESET,     /* reset, or timed out by TCP */
	STREAM_E_NAME,      /* name lookup failed */
	STREAM_E_REFUSED,   /* refused or unreachable */
	STREAM_E_MEM,       /* no buffer or connection free; retry later */
};

struct stream; /* the platform's */

struct stream_ops {
	/* Look up `host` (name or dotted quad; copied) and connect. Returns at once. 0 or -STREAM_E_MEM. */
	int (*open)(struct stream **stream, const char *host, uint16_t port);
	/* 0 when connected, -STREAM_E_AGAIN while getting there, else why it failed. */
	int (*status)(const struct stream *stream);
	/* Up to `len` bytes: count > 0, or -STREAM_E_AGAIN, -STREAM_E_CLOSED (read only), -STREAM_E_RESET. */
	ssize_t (*read)(struct stream *stream, void *buf, size_t len);
	ssize_t (*write)(struct stream *stream, const void *buf, size_t len);
	/* Close and free. `abort`: what was not sent yet may be dropped. */
	void (*close)(struct stream *stream, bool abort);
};

/* A stream error as -OTA_E_* (err.h); AGAIN must not come here. */
int stream_error_ota(int error);

#endif
