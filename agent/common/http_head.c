/* SPDX-License-Identifier: Apache-2.0 */
#include "http_head.h"

#include <string.h>
#include <strings.h>

#include "ota/err.h"

/* A span of the head. */
struct span {
	const char *text;
	size_t len;
};

size_t http_head_len(const char *buf, size_t len)
{
	for (size_t i = 3; i < len; i++)
		if (buf[i] == '\n' && memcmp(buf + i - 3, "\r\n\r\n", 4) == 0)
			return i + 1;
	return 0;
}

/* The next line without its CRLF. A bare CR or LF, or a NUL, is malformed: two parsers could disagree about them. */
static int line_next(struct span *rest, struct span *line)
{
	for (size_t i = 0; i + 1 < rest->len; i++) {
		char c = rest->text[i];

		if (c == '\r' && rest->text[i + 1] == '\n') {
			*line = (struct span){rest->text, i};
			rest->text += i + 2;
			rest->len -= i + 2;
			return 0;
		}
		if (c == '\r' || c == '\n' || c == '\0')
			return -OTA_E_HTTP_FORMAT;
	}
	return -OTA_E_HTTP_FORMAT;
}

static bool span_is(struct span span, const char *text)
{
	return span.len == strlen(text) && strncasecmp(span.text, text, span.len) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_token_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Decimal digits at the span's begin, cut off it. At most 18: no overflow. */
static bool number_take(struct span *span, uint64_t *value)
{
	size_t count = 0;

	*value = 0;
	while (count < span->len && count < 18 && is_digit(span->text[count]))
		*value = *value * 10 + (uint64_t)(span->text[count++] - '0');
	span->text += count;
	span->len -= count;
	return count > 0 && (span->len == 0 || !is_digit(span->text[0]));
}

static bool char_take(struct span *span, char c)
{
	if (span->len == 0 || span->text[0] != c)
		return false;
	span->text++;
	span->len--;
	return true;
}

/* status-line = HTTP-version SP status-code SP [ reason-phrase ] */
static int status_parse(struct span line, struct http_head *head)
{
	static const char version[] = "HTTP/1.1 ";
	size_t at = sizeof(version) - 1;

	if (line.len < at + 3 || memcmp(line.text, version, at) != 0)
		return -OTA_E_HTTP_FORMAT;
	for (size_t i = 0; i < 3; i++) {
		if (!is_digit(line.text[at + i]))
			return -OTA_E_HTTP_FORMAT;
		head->status = head->status * 10 + (line.text[at + i] - '0');
	}
	if (line.len > at + 3 && line.text[at + 3] != ' ')
		return -OTA_E_HTTP_FORMAT;
	return head->status >= 100 && head->status < 600 ? 0 : -OTA_E_HTTP_FORMAT;
}

static int length_parse(struct span value, struct http_head *head)
{
	if (head->has_length || !number_take(&value, &head->length) || value.len != 0)
		return -OTA_E_HTTP_FORMAT;
	head->has_length = true;
	return 0;
}

/* Content-Range: bytes first-last/total (RFC 9110 §14.4); an unknown total is of no use to us. */
static int range_parse(struct span value, struct http_head *head)
{
	static const char unit[] = "bytes ";

	if (head->has_range || value.len < sizeof(unit) || strncasecmp(value.text, unit, sizeof(unit) - 1) != 0)
		return -OTA_E_HTTP_FORMAT;
	value.text += sizeof(unit) - 1;
	value.len -= sizeof(unit) - 1;
	if (char_take(&value, '*'))
		return 0; /* of a 416 answer */
	if (!number_take(&value, &head->first) || !char_take(&value, '-') || !number_take(&value, &head->last) ||
		!char_take(&value, '/') || !number_take(&value, &head->total) || value.len != 0 ||
		head->last < head->first || head->last >= head->total)
		return -OTA_E_HTTP_FORMAT;
	head->has_range = true;
	return 0;
}

static int location_parse(struct span value, struct http_head *head)
{
	if (head->location[0] != '\0' || value.len == 0)
		return -OTA_E_HTTP_FORMAT;
	if (value.len >= sizeof(head->location))
		return -OTA_E_HTTP_TOO_LONG;
	memcpy(head->location, value.text, value.len);
	return 0;
}

static int field_parse(struct span line, struct http_head *head)
{
	struct span name = {line.text, 0}, value;

	while (name.len < line.len && is_token_char(line.text[name.len]))
		name.len++;
	/* A line that begins with a blank continues the one before it: obsolete, refused (RFC 9112 §5.2). */
	if (name.len == 0 || name.len == line.len || line.text[name.len] != ':')
		return -OTA_E_HTTP_FORMAT;
	value = (struct span){line.text + name.len + 1, line.len - name.len - 1};
	while (char_take(&value, ' ') || char_take(&value, '\t'))
		;
	while (value.len > 0 && (value.text[value.len - 1] == ' ' || value.text[value.len - 1] == '\t'))
		value.len--;
	if (span_is(name, "Content-Length"))
		return length_parse(value, head);
	if (span_is(name, "Content-Range"))
		return range_parse(value, head);
	if (span_is(name, "Location"))
		return location_parse(value, head);
	if (span_is(name, "Transfer-Encoding"))
		head->is_chunked = head->is_chunked || !span_is(value, "identity");
	if (span_is(name, "Content-Encoding"))
		head->is_encoded = head->is_encoded || !span_is(value, "identity");
	return 0;
}

int http_head_parse(const char *buf, size_t len, struct http_head *head)
{
	struct span rest = {buf, len}, line;
	int error;

	memset(head, 0, sizeof(*head));
	error = line_next(&rest, &line);
	if (error == 0)
		error = status_parse(line, head);
	while (error == 0 && rest.len > 2) {
		error = line_next(&rest, &line);
		if (error == 0)
			error = field_parse(line, head);
	}
	return error;
}

bool http_head_is_redirect(const struct http_head *head)
{
	return head->status == 301 || head->status == 302 || head->status == 303 || head->status == 307 ||
	       head->status == 308;
}

int http_head_check(const struct http_head *head, uint64_t off, uint64_t total, uint64_t *body_off, uint64_t *body_len)
{
	if (head->status != 200 && head->status != 206)
		return -OTA_E_HTTP_STATUS;
	if (head->is_encoded)
		return -OTA_E_HTTP_FORMAT;
	if (head->is_chunked || !head->has_length)
		return -OTA_E_HTTP_LENGTH;
	*body_off = head->status == 206 ? off : 0;
	*body_len = total - *body_off;
	if (head->status == 206 &&
		(!head->has_range || head->first != off || head->total != total || head->last != total - 1))
		return -OTA_E_HTTP_RANGE;
	return head->length == *body_len ? 0 : -OTA_E_HTTP_LENGTH;
}

int http_head_check_answer(const struct http_head *head, uint64_t max, uint64_t *body_len)
{
	if (head->status != 200)
		return -OTA_E_HTTP_STATUS;
	if (head->is_encoded)
		return -OTA_E_HTTP_FORMAT;
	if (head->is_chunked || !head->has_length || head->length == 0)
		return -OTA_E_HTTP_LENGTH;
	*body_len = head->length;
	return head->length <= max ? 0 : -OTA_E_HTTP_TOO_LONG;
}
