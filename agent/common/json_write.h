/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON into a buffer, in order, commas by itself. What does not fit is not written and makes json_end() fail: a message
 * is whole or not sent. `name` is ASCII without quotes, NULL for items of an array.
 */
#ifndef AGENT_JSON_WRITE_H
#define AGENT_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_out {
	char *buf;
	size_t cap, len;
	bool overflow;
};

/* Begin with an object in buf[cap]. */
void json_begin(struct json_out *out, char *buf, size_t cap);
/* Close it. Length (NUL-terminated besides), or -OTA_E_TOO_LONG. */
__attribute__((warn_unused_result)) int json_end(struct json_out *out);

void json_open(struct json_out *out, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json_out *out, char bracket);                  /* '}' or ']' */

/* Any bytes are accepted: what is not UTF-8 becomes U+FFFD. */
void json_put_string(struct json_out *out, const char *name, const char *text);
void json_put_u64(struct json_out *out, const char *name, uint64_t value);
void json_put_bool(struct json_out *out, const char *name, bool value);
void json_put_hex(struct json_out *out, const char *name, const uint8_t *bytes, size_t len);
void json_put_version(struct json_out *out, const char *name, const uint32_t version[3]); /* "1.2.3" */

#endif
