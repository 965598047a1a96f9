/* SPDX-License-Identifier: Apache-2.0 */
/* base64url without padding (RFC 4648 §5): how signed bytes travel inside JSON. */
#ifndef AGENT_BASE64URL_H
#define AGENT_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decode text[len] into out[cap]; `out` may be where `text` begins. The one canonical form is accepted only: no padding, no
 * other characters, unused bits zero. Bytes, or -OTA_E_FORMAT, -OTA_E_TOO_LONG; on an error `out` is undefined.
 */
int base64url_decode(const char *text, size_t len, uint8_t *out, size_t cap);

/* Encode data[len] into text, which has room for (4·len + 2) / 3 + 1 bytes: NUL-terminated. */
void base64url_encode(const uint8_t *data, size_t len, char *text);

#endif
