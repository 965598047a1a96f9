/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/text.h"

#include <errno.h>
#include <mbedtls/sha1.h>
#include <stdlib.h>
#include <string.h>

void text_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_unhex(const char *hex, uint8_t *out, size_t len)
{
	if (strlen(hex) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *text_base64url(const uint8_t *data, size_t len)
{
	char *out = malloc(len / 3 * 4 + 5), *at = out;
	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		size_t rest = len - i;
		uint32_t word = (uint32_t)data[i] << 16;
		if (rest > 1)
			word |= (uint32_t)data[i + 1] << 8;
		if (rest > 2)
			word |= data[i + 2];
		*at++ = base64url[word >> 18];
		*at++ = base64url[word >> 12 & 63];
		if (rest > 1)
			*at++ = base64url[word >> 6 & 63];
		if (rest > 2)
			*at++ = base64url[word & 63];
	}
	*at = 0;
	return out;
}

long text_unbase64url(const char *text, uint8_t *out, size_t cap)
{
	size_t len = strlen(text), bytes = len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0);
	if (len % 4 == 1 || bytes > cap)
		return -1;
	uint32_t word = 0;
	unsigned bits = 0;
	size_t done = 0;
	for (size_t i = 0; i < len; i++) {
		const char *found = strchr(base64url, text[i]);
		if (!found)
			return -1;
		word = word << 6 | (uint32_t)(found - base64url);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[done++] = (uint8_t)(word >> bits);
		}
	}
	return (word & ((1u << bits) - 1)) ? -1 : (long)done; /* left-over bits must be zero: one text per value */
}

static bool is_word_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool text_is_id(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		if (!is_word_char(text[i]))
			return false;
	return len >= 1 && len <= 64;
}

bool text_is_name(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		if (!is_word_char(text[i]) && !(text[i] == '.' && i > 0))
			return false;
	return len >= 1 && len <= 32;
}

bool text_is_prefix(const char *text)
{
	size_t len = strlen(text);
	if (len < 1 || len > 128 || text[0] == '/' || text[len - 1] == '/')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '$' && i == 0)
			continue;
		if (text[i] == '/' ? text[i + 1] == '/' : !is_word_char(text[i]))
			return false;
	}
	return true;
}

bool text_u64_parse(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	if (text[0] < '0' || text[0] > '9') /* strtoull would take a sign or blanks */
		return false;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || value > max)
		return false;
	*out = value;
	return true;
}

bool text_version_parse(const char *text, uint32_t version[3])
{
	static const uint64_t max[3] = {65535, 65535, UINT32_MAX};
	char copy[24];
	if (strlen(text) >= sizeof copy)
		return false;
	strcpy(copy, text);
	char *at = copy;
	for (int i = 0; i < 3; i++) {
		char *dot = strchr(at, '.');
		if ((i < 2) != (dot != NULL))
			return false;
		if (dot)
			*dot = 0;
		uint64_t value;
		if (!text_u64_parse(at, max[i], &value))
			return false;
		version[i] = (uint32_t)value;
		at = dot ? dot + 1 : at;
	}
	return true;
}

static void uuid_v5(const uint8_t name_space[16], const char *name, uint8_t id[16])
{
	uint8_t hash[20], text[16 + 256];
	size_t len = strnlen(name, 256);
	memcpy(text, name_space, 16);
	memcpy(text + 16, name, len);
	if (mbedtls_sha1(text, 16 + len, hash))
		abort(); /* cannot be: no hardware behind it */
	memcpy(id, hash, 16);
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x50);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

void text_vendor_id(const char *domain, uint8_t id[16])
{
	static const uint8_t dns[16] = {
		0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
	uuid_v5(dns, domain, id);
}

void text_class_id(const uint8_t vendor_id[16], const char *board, uint8_t id[16])
{
	uuid_v5(vendor_id, board, id);
}
