/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text and back: hex, base64url; the alphabets that identifiers are checked against; name-based UUIDs. */
#ifndef SHARED_TEXT_H
#define SHARED_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_DIGEST_HEX 65 /* SHA-256 in hex, with NUL */

/* Lower-case hex of data[len] into out[2·len + 1]. */
void text_hex(const uint8_t *data, size_t len, char *out);
/* Exactly 2·len hex digits, either case, into out[len]. */
bool text_unhex(const char *hex, uint8_t *out, size_t len);

/* base64url without padding (RFC 4648 §5). A new string to be freed, NULL when out of memory. */
char *text_base64url(const uint8_t *data, size_t len);
/* Decode into out[cap]; the number of bytes, or -1: another alphabet, a length that cannot be, or more than `cap`. */
long text_unbase64url(const char *text, uint8_t *out, size_t cap);

/* [A-Za-z0-9_-]{1,64}: device ids and job ids (SPEC §7, §8). */
bool text_is_id(const char *text);
/* Board and app names: [A-Za-z0-9._-]{1,32}. */
bool text_is_name(const char *text);
/* A topic prefix: levels of [A-Za-z0-9_-] (and a leading '$'), joined by '/', at most 128 bytes. */
bool text_is_prefix(const char *text);
/* "X.Y.Z", major and minor ≤ 65535. */
bool text_version_parse(const char *text, uint32_t version[3]);
/* An unsigned decimal number and nothing else, at most `max`. */
bool text_u64_parse(const char *text, uint64_t max, uint64_t *out);

/* vendor-id of a domain and class-id of a board (SPEC §4): UUIDv5, RFC 9562 §5.5. */
void text_vendor_id(const char *domain, uint8_t id[16]);
void text_class_id(const uint8_t vendor_id[16], const char *board, uint8_t id[16]);

#endif
