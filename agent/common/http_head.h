/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP/1.1 answer (RFC 9112) as a download needs it: strict, bounded, nothing guessed. What is ambiguous,
 * repeated or would change the length of the body is refused by name.
 */
#ifndef AGENT_HTTP_HEAD_H
#define AGENT_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/ota.h"

struct http_head {
	int status; /* 100..599 */
	bool has_length;
	uint64_t length; /* Content-Length */
	bool has_range;
	uint64_t first, last, total; /* Content-Range: bytes first-last/total */
	bool is_chunked; /* Transfer-Encoding other than identity: the length of the body is not the message's */
	bool is_encoded; /* Content-Encoding other than identity: the bytes are not the resource's */
	char location[OTA_URL_MAX]; /* "" if none */
};

/* Bytes of the head in buf[len], the empty line included; 0: not whole yet. */
size_t http_head_len(const char *buf, size_t len);

/* Read a whole head buf[len] (as http_head_len() said). 0, or -OTA_E_HTTP_FORMAT, -OTA_E_HTTP_TOO_LONG (Location). */
__attribute__((warn_unused_result)) int http_head_parse(const char *buf, size_t len, struct http_head *head);

/*
 * Is the head a good answer to `GET` with `Range: bytes=off-` for a resource of `total` bytes? 0: the body begins at
 * `*body_off` (off, or 0 when the server ignored Range) and has *body_len bytes. Else -OTA_E_HTTP_STATUS,
 * -OTA_E_HTTP_RANGE, -OTA_E_HTTP_LENGTH (also: chunked), -OTA_E_HTTP_FORMAT (encoded). A redirect is not looked at here.
 */
__attribute__((warn_unused_result)) int http_head_check(
	const struct http_head *head, uint64_t off, uint64_t total, uint64_t *body_off, uint64_t *body_len);

/* The same for the answer to a POST: 200, and *body_len bytes, 1..max. Else the errors above, or -OTA_E_HTTP_TOO_LONG. */
__attribute__((warn_unused_result)) int http_head_check_answer(
	const struct http_head *head, uint64_t max, uint64_t *body_len);

bool http_head_is_redirect(const struct http_head *head);

#endif
