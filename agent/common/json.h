/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict JSON reader (RFC 8259) that allocates nothing. json_parse() checks a whole text once; after that its values
 * are spans of it, found by name. Refused: anything after the value, duplicate names, invalid UTF-8, lone surrogates,
 * NUL, more than JSON_DEPTH_MAX levels or JSON_MEMBERS_MAX members of one object.
 */
#ifndef AGENT_JSON_H
#define AGENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX   8
#define JSON_MEMBERS_MAX 32

enum json_type { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

/* A value: text[len], without the quotes of a string, with the brackets of an object or array. Borrowed from the text. */
struct json {
	const char *text;
	size_t len;
	enum json_type type;
};

/* Check text[len] (UTF-8, no BOM). 0 and *root, or -OTA_E_JSON. */
__attribute__((warn_unused_result)) int json_parse(const char *text, size_t len, struct json *root);

/* The member `name` (ASCII) of an object. False if there is none, or `object` is of another type. */
bool json_member(const struct json *object, const char *name, struct json *value);

/* The same, and of this type. */
bool json_member_of(const struct json *object, const char *name, enum json_type type, struct json *value);

/* The item `index` of an array. */
bool json_item(const struct json *array, size_t index, struct json *value);

/* Copy a string, decoded and NUL-terminated, into buf[cap]. Its length, or -OTA_E_JSON (not a string), -OTA_E_TOO_LONG. */
int json_string(const struct json *value, char *buf, size_t cap);

/* Is the value a string equal to `text` (ASCII)? */
bool json_string_is(const struct json *value, const char *text);

/* A number that is an integer in 0..max: true and *number. */
bool json_u64(const struct json *value, uint64_t max, uint64_t *number);

/* Length in bytes (1..4) of the UTF-8 sequence at text[len], len > 0; 0 if it is invalid. RFC 3629. */
size_t json_utf8_len(const char *text, size_t len);

#endif
