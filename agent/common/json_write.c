/* SPDX-License-Identifier: Apache-2.0 */
#include "json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "ota/err.h"

static void put(struct json_out *out, const char *text, size_t len)
{
	/* One byte is kept for the NUL. */
	if (out->overflow || len >= out->cap - out->len) {
		out->overflow = true;
		return;
	}
	memcpy(out->buf + out->len, text, len);
	out->len += len;
}

static void put_text(struct json_out *out, const char *text)
{
	put(out, text, strlen(text));
}

/* A comma is due unless a container was just opened; then the name. */
static void put_name(struct json_out *out, const char *name)
{
	char last = out->len > 0 ? out->buf[out->len - 1] : '{';

	if (last != '{' && last != '[')
		put_text(out, ",");
	if (!name)
		return;
	put_text(out, "\"");
	put_text(out, name);
	put_text(out, "\":");
}

void json_begin(struct json_out *out, char *buf, size_t cap)
{
	*out = (struct json_out){.buf = buf, .cap = cap};
	put_text(out, "{");
}

int json_end(struct json_out *out)
{
	put_text(out, "}");
	if (out->overflow)
		return -OTA_E_TOO_LONG;
	out->buf[out->len] = '\0';
	return (int)out->len;
}

void json_open(struct json_out *out, const char *name, char bracket)
{
	put_name(out, name);
	put(out, &bracket, 1);
}

void json_close(struct json_out *out, char bracket)
{
	put(out, &bracket, 1);
}

static void put_escaped(struct json_out *out, char c)
{
	char escape[8];

	(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned int)(uint8_t)c);
	put_text(out, escape);
}

void json_put_string(struct json_out *out, const char *name, const char *text)
{
	size_t left = strlen(text);

	put_name(out, name);
	put_text(out, "\"");
	while (left > 0) {
		size_t len = json_utf8_len(text, left);

		if (len == 0)
			put_text(out, "\xef\xbf\xbd");
		else if (*text == '"' || *text == '\\')
			put(out, (const char[]){'\\', *text}, 2);
		else if ((uint8_t)*text < 0x20 || *text == 0x7f)
			put_escaped(out, *text);
		else
			put(out, text, len);
		len += len == 0;
		text += len;
		left -= len;
	}
	put_text(out, "\"");
}

void json_put_u64(struct json_out *out, const char *name, uint64_t value)
{
	char digits[24];

	put_name(out, name);
	(void)snprintf(digits, sizeof(digits), "%" PRIu64, value);
	put_text(out, digits);
}

void json_put_bool(struct json_out *out, const char *name, bool value)
{
	put_name(out, name);
	put_text(out, value ? "true" : "false");
}

void json_put_hex(struct json_out *out, const char *name, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	put_name(out, name);
	put_text(out, "\"");
	for (size_t i = 0; i < len; i++)
		put(out, (const char[]){digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 2);
	put_text(out, "\"");
}

void json_put_version(struct json_out *out, const char *name, const uint32_t version[3])
{
	char text[40];

	(void)snprintf(text, sizeof(text), "%" PRIu32 ".%" PRIu32 ".%" PRIu32, version[0], version[1], version[2]);
	json_put_string(out, name, text);
}
