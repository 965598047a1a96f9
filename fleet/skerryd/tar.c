/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/tar.h"

#include <stdio.h>
#include <string.h>

/* Where a header has what. */
enum { NAME = 0, MODE = 100, UID = 108, GID = 116, SIZE = 124, TIME = 136, SUM = 148, TYPE = 156, MAGIC = 257 };

size_t tar_padding(uint64_t bytes)
{
	return (size_t)((TAR_BLOCK - bytes % TAR_BLOCK) % TAR_BLOCK);
}

/* The sum of the header's bytes, its own field counted as spaces. */
static unsigned checksum(const uint8_t header[TAR_BLOCK])
{
	unsigned sum = 0;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= SUM && i < SUM + 8 ? ' ' : header[i];
	return sum;
}

static void put_octal(uint8_t *field, int digits, uint64_t value)
{
	char text[32];
	snprintf(text, sizeof text, "%0*llo", digits, (unsigned long long)value);
	memcpy(field, text, (size_t)digits + 1);
}

void tar_write_header(const struct tar_entry *entry, int64_t time, uint8_t header[TAR_BLOCK])
{
	memset(header, 0, TAR_BLOCK);
	memcpy(header + NAME, entry->name, strlen(entry->name));
	put_octal(header + MODE, 7, 0600);
	put_octal(header + UID, 7, 0);
	put_octal(header + GID, 7, 0);
	put_octal(header + SIZE, 11, entry->bytes);
	put_octal(header + TIME, 11, (uint64_t)time);
	header[TYPE] = '0';
	memcpy(header + MAGIC, "ustar\00000", 8);
	put_octal(header + SUM, 6, checksum(header));
	header[SUM + 7] = ' ';
}

static bool get_octal(const uint8_t *field, size_t size, uint64_t *value)
{
	size_t i = 0;
	*value = 0;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		*value = *value * 8 + (uint64_t)(field[i] - '0');
	return i > 0 && (i == size || field[i] == 0 || field[i] == ' ');
}

static bool stays_inside(const char *name)
{
	return *name && *name != '/' && !strstr(name, "..") && !strstr(name, "//") && name[strlen(name) - 1] != '/';
}

bool tar_read_header(const uint8_t header[TAR_BLOCK], struct tar_entry *entry, bool *end)
{
	static const uint8_t zeros[TAR_BLOCK];
	uint64_t sum;
	*end = memcmp(header, zeros, TAR_BLOCK) == 0;
	if (*end)
		return true;
	if (memcmp(header + MAGIC, "ustar", 5) != 0 || !get_octal(header + SUM, 8, &sum) || sum != checksum(header) ||
		!get_octal(header + SIZE, 12, &entry->bytes) || header[TYPE] != '0' || header[NAME + TAR_NAME_MAX])
		return false;
	memcpy(entry->name, header + NAME, TAR_NAME_MAX + 1);
	return stays_inside(entry->name);
}
