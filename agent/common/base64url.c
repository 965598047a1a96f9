/* SPDX-License-Identifier: Apache-2.0 */
#include "base64url.h"

#include "ota/err.h"

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(const char *text, size_t len, uint8_t *out, size_t cap)
{
	uint32_t bits = 0;
	unsigned int count = 0; /* of valid bits */
	size_t done = 0;

	if (len % 4 == 1)
		return -OTA_E_FORMAT;
	if (len / 4 * 3 + (len % 4 * 3) / 4 > cap)
		return -OTA_E_TOO_LONG;
	for (size_t i = 0; i < len; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0)
			return -OTA_E_FORMAT;
		bits = bits << 6 | (uint32_t)digit;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[done++] = (uint8_t)(bits >> count);
		}
	}
	return (bits & ((1U << count) - 1)) == 0 ? (int)done : -OTA_E_FORMAT;
}

void base64url_encode(const uint8_t *data, size_t len, char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned int count = 0; /* of bits that are not out yet */

	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8 | data[i]) & 0xffff;
		for (count += 8; count >= 6; count -= 6)
			*text++ = digits[bits >> (count - 6) & 63];
	}
	if (count > 0)
		*text++ = digits[bits << (6 - count) & 63];
	*text = '\0';
}
