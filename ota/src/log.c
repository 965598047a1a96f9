/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "core.h"

void ota_log(struct ota *ota, enum ota_level level, const char *format, ...)
{
	char line[192];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	ota->port->log(ota->ctx, level, line);
}

const char *digest_text(const uint8_t digest[32], char text[DIGEST_TEXT])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < (DIGEST_TEXT - 1) / 2; i++) {
		text[2 * i] = hex[digest[i] >> 4];
		text[2 * i + 1] = hex[digest[i] & 15];
	}
	text[DIGEST_TEXT - 1] = '\0';
	return text;
}

char slot_letter(unsigned slot)
{
	return slot == OTA_SLOT_A ? 'a' : slot == OTA_SLOT_B ? 'b' : '-';
}
