/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One download, or one request, at a time: GET with Range over TLS (SPEC §9), or POST of JSON (SPEC §13). Every answer that is not exactly what was asked for ends in
 * a named error, and every wait has a timer; the rate of the body is the update core's to judge. The body is handed on as
 * it comes, a few KiB per poll: who is slow to take it slows the server down through TCP.
 */
#ifndef AGENT_HTTPS_H
#define AGENT_HTTPS_H

#include "tls.h"
#include "url.h"

#define HTTPS_HEAD_MAX      4096
#define HTTPS_REDIRECTS_MAX 3

struct https_events {
	/* The head was accepted; the body begins at byte `off` of the resource (POST: 0). */
	void (*start)(void *ctx, uint64_t off);
	/* More of it. Borrowed. May call https_stop(). */
	void (*data)(void *ctx, const uint8_t *data, size_t len);
	/* The end: 0, all bytes came; or -OTA_E_*. Once. May call https_get(). */
	void (*end)(void *ctx, int error);
};

/* What is posted: text[len], borrowed until the answer's head came. */
struct https_body {
	const char *text;
	size_t len;
};

enum https_phase { HTTPS_IDLE, HTTPS_CONNECTING, HTTPS_ASKING, HTTPS_HEAD, HTTPS_BODY };

struct https {
	const struct tls_context *context;
	const struct stream_ops *streams;
	const struct https_events *events;
	void *ctx;
	struct tls tls;
	enum https_phase phase;
	struct url url;
	unsigned int redirects;
	struct https_body post; /* text NULL: it is a GET */
	uint64_t off, total,
		left; /* asked for; of the resource (POST: of the answer, at most); of the body, not come yet */
	uint64_t deadline_ms;
	size_t len, sent; /* in buf: request, then head, then body */
	bool read_blocked;
	char buf[HTTPS_HEAD_MAX];
};

void https_init(struct https *https, const struct tls_context *context, const struct stream_ops *streams,
	const struct https_events *events, void *ctx);

/* Begin to fetch `url` from byte `off` of the resource, whose size must be `total`. 0, -OTA_E_URL, -OTA_E_BUSY, -OTA_E_ARG (off ≥ total). */
__attribute__((warn_unused_result)) int https_get(struct https *https, const char *url, uint64_t off, uint64_t total);

/*
 * Post `body` to `url`; the answer must have status 200 and 1..max bytes, a redirect is not followed. 0, -OTA_E_URL, -OTA_E_BUSY,
 * -OTA_E_TOO_LONG (`body` does not fit into one buffer with the head).
 */
__attribute__((warn_unused_result)) int https_post(
	struct https *https, const char *url, struct https_body body, uint64_t max);

/* Drop it; no event comes any more. */
void https_stop(struct https *https);

void https_poll(struct https *https);
uint64_t https_deadline_ms(const struct https *https);

#endif
