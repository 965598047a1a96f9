/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/note.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "shared/text.h"

void note(const char *text, ...)
{
	char line[700];
	va_list args;
	va_start(args, text);
	vsnprintf(line, sizeof line, text, args);
	va_end(args);
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	fprintf(stderr, "skerryd: %s\n", line);
}

int64_t note_now(void)
{
	return (int64_t)time(NULL);
}

int64_t note_unix_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t note_now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void note_random_id(char *id, size_t len)
{
	uint8_t random[32];
	char hex[65];
	assert(len <= sizeof hex);
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		abort(); /* cannot be: up to 256 bytes come whole */
	text_hex(random, sizeof random, hex);
	snprintf(id, len, "%s", hex);
}
