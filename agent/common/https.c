/* SPDX-License-Identifier: Apache-2.0 */
#include "https.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent_log.h"
#include "http_head.h"
#include "ota/err.h"

#define CONNECT_TIMEOUT_MS 30000
#define HEAD_TIMEOUT_MS    20000 /* request sent to head complete */
#define STALL_TIMEOUT_MS   60000 /* no byte of the body: the update core gives up sooner, this is the last resort */
#define READS_PER_POLL     16
#define POST_MAX           (HTTPS_HEAD_MAX - 1024) /* the head has two texts of OTA_URL_MAX and less than 200 bytes besides */

void https_init(struct https *https, const struct tls_context *context, const struct stream_ops *streams,
	const struct https_events *events, void *ctx)
{
	memset(https, 0, sizeof(*https));
	https->context = context;
	https->streams = streams;
	https->events = events;
	https->ctx = ctx;
}

static int request_begin(struct https *https)
{
	const struct tls_peer peer = {https->context, https->streams, https->url.host, https->url.port};
	int error = tls_open(&https->tls, &peer, CONNECT_TIMEOUT_MS);

	if (error == 0)
		https->phase = HTTPS_CONNECTING;
	return error;
}

int https_get(struct https *https, const char *url, uint64_t off, uint64_t total)
{
	int error;

	if (https->phase != HTTPS_IDLE)
		return -OTA_E_BUSY;
	if (off >= total)
		return -OTA_E_ARG;
	error = url_parse(url, &https->url);
	if (error != 0)
		return error;
	https->post = (struct https_body){0};
	https->off = off;
	https->total = total;
	https->redirects = 0;
	return request_begin(https);
}

int https_post(struct https *https, const char *url, struct https_body body, uint64_t max)
{
	int error;

	if (https->phase != HTTPS_IDLE)
		return -OTA_E_BUSY;
	if (body.len > POST_MAX)
		return -OTA_E_TOO_LONG;
	error = url_parse(url, &https->url);
	if (error != 0)
		return error;
	https->post = body;
	https->off = 0;
	https->total = max;
	https->redirects = HTTPS_REDIRECTS_MAX; /* the token is for this address alone */
	return request_begin(https);
}

void https_stop(struct https *https)
{
	tls_close(&https->tls);
	https->phase = HTTPS_IDLE;
}

static int request_write(struct https *https)
{
	char port[8] = "", what[64];
	int len;

	if (https->url.port != 443)
		(void)snprintf(port, sizeof(port), ":%u", https->url.port);
	if (https->post.text)
		(void)snprintf(
			what, sizeof(what), "Content-Type: application/json\r\nContent-Length: %zu", https->post.len);
	else
		(void)snprintf(what, sizeof(what), "Range: bytes=%" PRIu64 "-", https->off);
	len = snprintf(https->buf, sizeof(https->buf),
		"%s %s HTTP/1.1\r\nHost: %s%s\r\n%s\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n",
		https->post.text ? "POST" : "GET", https->url.path, https->url.host, port, what);
	if (https->post.text)
		memcpy(https->buf + len, https->post.text, https->post.len);
	https->len = (size_t)len + https->post.len;
	https->sent = 0;
	https->phase = HTTPS_ASKING;
	https->deadline_ms = platform_now_ms() + HEAD_TIMEOUT_MS;
	return 0;
}

static int connect_go_on(struct https *https)
{
	int error = tls_poll(&https->tls);

	return error == 0 ? request_write(https) : error;
}

static int request_send(struct https *https)
{
	while (https->sent < https->len) {
		ssize_t done = tls_write(&https->tls, https->buf + https->sent, https->len - https->sent);

		if (done < 0)
			return (int)done;
		https->sent += (size_t)done;
	}
	https->len = 0;
	https->phase = HTTPS_HEAD;
	return 0;
}

static int redirect(struct https *https, const struct http_head *head)
{
	int error;

	if (https->redirects++ >= HTTPS_REDIRECTS_MAX || head->location[0] == '\0')
		return -OTA_E_HTTP_REDIRECT;
	error = url_redirect(&https->url, head->location);
	if (error != 0)
		return error;
	tls_close(&https->tls);
	return request_begin(https);
}

static int body_take(struct https *https, const char *data, size_t len)
{
	/* A body longer than promised: not what was asked for, whatever it is. */
	if (len > https->left)
		return -OTA_E_HTTP_TOO_LONG;
	https->left -= len;
	https->deadline_ms = platform_now_ms() + STALL_TIMEOUT_MS;
	https->events->data(https->ctx, (const uint8_t *)data, len);
	return 0;
}

static int head_check(struct https *https, const struct http_head *head, uint64_t *body_off)
{
	if (!https->post.text)
		return http_head_check(head, https->off, https->total, body_off, &https->left);
	*body_off = 0;
	return http_head_check_answer(head, https->total, &https->left);
}

static int body_begin(struct https *https, const struct http_head *head, size_t head_len)
{
	uint64_t body_off;
	int error = head_check(https, head, &body_off);

	if (error != 0) {
		agent_log(AGENT_WARN, "agent: http status=%d err=%s", head->status, ota_err_name(error));
		return error;
	}
	https->phase = HTTPS_BODY;
	https->deadline_ms = platform_now_ms() + STALL_TIMEOUT_MS;
	https->events->start(https->ctx, body_off);
	if (https->phase == HTTPS_BODY && https->len > head_len)
		return body_take(https, https->buf + head_len, https->len - head_len);
	return 0;
}

/* 1xx says that the answer is still to come (RFC 9110 §15.2). The head's timer goes on. */
static void head_drop(struct https *https, size_t head_len)
{
	https->len -= head_len;
	memmove(https->buf, https->buf + head_len, https->len);
}

/* A loop, for the stack's sake: the buffer has room for hundreds of 1xx answers. */
static int head_take(struct https *https)
{
	struct http_head head;
	size_t head_len;

	while ((head_len = http_head_len(https->buf, https->len)) > 0) {
		int error = http_head_parse(https->buf, head_len, &head);

		if (error != 0)
			return error;
		if (http_head_is_redirect(&head))
			return redirect(https, &head);
		if (head.status >= 200)
			return body_begin(https, &head, head_len);
		head_drop(https, head_len);
	}
	return https->len == sizeof(https->buf) ? -OTA_E_HTTP_TOO_LONG : 0;
}

/* The peer ended the connection, cleanly or not: before the body's end that is a truncation either way. */
static int early_end(const struct https *https, int error)
{
	if (error != 0 && error != -OTA_E_TLS_TRUNCATED)
		return error;
	return https->phase == HTTPS_BODY ? -OTA_E_TRUNCATED : -OTA_E_CLOSED;
}

/* One read. 0 when something came, TLS_AGAIN or -OTA_E_*. */
static int answer_read(struct https *https)
{
	size_t at = https->phase == HTTPS_HEAD ? https->len : 0;
	ssize_t done = tls_read(&https->tls, https->buf + at, sizeof(https->buf) - at);

	if (done == TLS_AGAIN)
		return TLS_AGAIN;
	if (done <= 0)
		return early_end(https, (int)done);
	if (https->phase == HTTPS_BODY)
		return body_take(https, https->buf, (size_t)done);
	https->len += (size_t)done;
	return head_take(https);
}

/* Go on as far as possible. 0: all of the body came; TLS_AGAIN; -OTA_E_*. */
static int https_go_on(struct https *https)
{
	int error = 0;

	for (int reads = 0; error == 0 && reads < READS_PER_POLL; reads++) {
		if (https->phase == HTTPS_IDLE)
			return TLS_AGAIN; /* stopped from within an event */
		if (https->phase == HTTPS_CONNECTING)
			error = connect_go_on(https);
		else if (https->phase == HTTPS_ASKING)
			error = request_send(https);
		else
			error = answer_read(https);
		if (error == 0 && https->phase == HTTPS_BODY && https->left == 0)
			return 0;
	}
	https->read_blocked = error == TLS_AGAIN;
	return error == 0 ? TLS_AGAIN : error;
}

void https_poll(struct https *https)
{
	int error;

	if (https->phase == HTTPS_IDLE)
		return;
	error = https_go_on(https);
	if (https->phase == HTTPS_IDLE)
		return;
	if (error == TLS_AGAIN && https->phase != HTTPS_CONNECTING && platform_now_ms() >= https->deadline_ms)
		error = -OTA_E_TIMEOUT;
	if (error == TLS_AGAIN)
		return;
	https_stop(https);
	https->events->end(https->ctx, error);
}

uint64_t https_deadline_ms(const struct https *https)
{
	if (https->phase == HTTPS_IDLE)
		return UINT64_MAX;
	if (!https->read_blocked)
		return 0;
	return https->phase == HTTPS_CONNECTING ? tls_deadline_ms(&https->tls) : https->deadline_ms;
}
