/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/app.h"
#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "kernel/watchdog.h"

#define SCRIPT_SECTORS 8

volatile bool script_owns_watchdog;

static char text[SCRIPT_SECTORS * BLK_SECTOR_BYTES + 1] __attribute__((aligned(8)));

uint64_t script_number(const struct script_line *line, size_t index)
{
	return strtoull(line->word[index], NULL, 10);
}

uint8_t script_pattern(uint64_t seed, uint64_t position)
{
	return (uint8_t)(position * 31 + (position >> 8) * 7 + (position >> 16) + seed * 101);
}

uint32_t script_crc32(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	static uint32_t table[256];

	for (uint32_t i = 0; i < 256 && !table[1]; i++) {
		for (uint32_t j = 255; j > 0; j--) {
			uint32_t value = j;

			for (int bit = 0; bit < 8; bit++)
				value = value & 1 ? value >> 1 ^ 0xedb88320U : value >> 1;
			table[j] = value;
		}
	}
	crc = ~crc;
	for (size_t i = 0; i < len; i++)
		crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}

static void verb_run(const struct script_line *line)
{
	for (size_t i = 0; i < device_verbs_count; i++) {
		if (strcmp(device_verbs[i].name, line->word[0]) == 0) {
			device_verbs[i].run(line);
			return;
		}
	}
	for (size_t i = 0; i < net_verbs_count; i++) {
		if (strcmp(net_verbs[i].name, line->word[0]) == 0) {
			net_verbs[i].run(line);
			return;
		}
	}
	log_line(LOG_ERR, "test: unknown verb=%s", line->word[0]);
}

static void line_run(char *start)
{
	struct script_line line;
	char *save = NULL;

	for (size_t i = 0; i < SCRIPT_WORDS_MAX; i++) {
		char *word = strtok_r(i ? NULL : start, " ", &save);

		line.word[i] = word ? word : "";
	}
	if (line.word[0][0])
		verb_run(&line);
}

static void script_main(void *arg)
{
	struct blk_dev *blk = dev_blk();
	char *save = NULL;

	(void)arg;
	if (!blk || blk->ops->read(blk, 0, text, SCRIPT_SECTORS))
		panic(PANIC_ASSERT, "test: no script on the disk");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		line_run(line);
	log_line(LOG_INFO, "test: end");
	for (;;)
		thread_sleep_ms(1000);
}

/* Every image has one; the table below does not start it. */
int app_main(void)
{
	return 0;
}

/* The kernel has started the watchdog; until the script wants it for itself, this keeps it content. */
static void feeder_main(void *arg)
{
	(void)arg;
	for (;;) {
		if (!script_owns_watchdog)
			watchdog_feed();
		thread_sleep_ms(1000);
	}
}

const struct program programs[] = {
	{"feeder", feeder_main, THREAD_AGENT, 8192},
	{"script", script_main, THREAD_AGENT, 32768},
};
const size_t programs_count = sizeof(programs) / sizeof(programs[0]);
