/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs for disk, generator, clock, watchdog and power. */
#include <stdlib.h>
#include <string.h>

#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "kernel/time.h"

#include "script.h"

/* blk-info */
static void blk_info(const struct script_line *line)
{
	(void)line;
	log_line(LOG_INFO, "test: blk-info sectors=%llu", (unsigned long long)dev_blk()->sectors);
}

/* blk-write LBA SECTORS SEED: the pattern, then flush */
static void blk_write(const struct script_line *line)
{
	size_t count = script_number(line, 2), bytes = count * BLK_SECTOR_BYTES;
	struct blk_dev *blk = dev_blk();
	uint8_t *buf = malloc(bytes);
	uint64_t start_ms;
	int rc, flush_rc;

	if (!buf)
		panic(PANIC_OUT_OF_MEMORY, "test: blk-write");
	for (size_t i = 0; i < bytes; i++)
		buf[i] = script_pattern(script_number(line, 3), i);
	start_ms = time_now_ms();
	rc = blk->ops->write(blk, script_number(line, 1), buf, count);
	flush_rc = blk->ops->flush(blk);
	log_line(LOG_INFO, "test: blk-write rc=%d flush=%d ms=%llu", rc, flush_rc,
		(unsigned long long)(time_now_ms() - start_ms));
	free(buf);
}

/* blk-read LBA SECTORS */
static void blk_read(const struct script_line *line)
{
	size_t count = script_number(line, 2), bytes = count * BLK_SECTOR_BYTES;
	struct blk_dev *blk = dev_blk();
	uint8_t *buf = malloc(bytes);
	uint64_t start_ms = time_now_ms(), end_ms;
	int rc;

	if (!buf)
		panic(PANIC_OUT_OF_MEMORY, "test: blk-read");
	rc = blk->ops->read(blk, script_number(line, 1), buf, count);
	end_ms = time_now_ms();
	log_line(LOG_INFO, "test: blk-read rc=%d crc=%08x ms=%llu", rc, (unsigned int)script_crc32(0, buf, bytes),
		(unsigned long long)(end_ms - start_ms));
	free(buf);
}

/* blk-beyond: one sector after the last */
static void blk_beyond(const struct script_line *line)
{
	struct blk_dev *blk = dev_blk();
	uint64_t sector[BLK_SECTOR_BYTES / 8] = {0};

	(void)line;
	log_line(LOG_INFO, "test: blk-beyond read=%d write=%d", blk->ops->read(blk, blk->sectors, sector, 1),
		blk->ops->write(blk, blk->sectors, sector, 1));
}

/* rng BYTES: how often the commonest byte value occurs, and a checksum to tell two draws apart */
static void rng_draw(const struct script_line *line)
{
	size_t len = script_number(line, 1);
	struct rng_dev *rng = dev_rng();
	uint8_t *buf = calloc(1, len);
	unsigned int counts[256] = {0}, most = 0;
	int rc;

	if (!rng || !buf) {
		log_line(LOG_INFO, "test: rng none");
		free(buf);
		return;
	}
	rc = rng->ops->fill(rng, buf, len);
	for (size_t i = 0; i < len; i++)
		if (++counts[buf[i]] > most)
			most = counts[buf[i]];
	log_line(LOG_INFO, "test: rng rc=%d most=%u crc=%08x", rc, most, (unsigned int)script_crc32(0, buf, len));
	free(buf);
}

/* rtc */
static void rtc_read(const struct script_line *line)
{
	struct rtc_dev *rtc = dev_rtc();

	(void)line;
	log_line(LOG_INFO, "test: rtc unix_s=%llu", rtc ? (unsigned long long)rtc->ops->unix_s(rtc) : 0ULL);
}

/* wdt-start MS */
static void wdt_start(const struct script_line *line)
{
	struct wdt_dev *wdt = dev_wdt();

	script_owns_watchdog = true;
	log_line(LOG_INFO, "test: wdt-start rc=%d",
		wdt ? wdt->ops->start(wdt, (uint32_t)script_number(line, 1)) : -DEV_E_NODEV);
}

/* wdt-feed TIMES PERIOD_MS */
static void wdt_feed(const struct script_line *line)
{
	struct wdt_dev *wdt = dev_wdt();

	for (uint64_t i = 0; i < script_number(line, 1); i++) {
		wdt->ops->feed(wdt);
		thread_sleep_ms(script_number(line, 2));
	}
	log_line(LOG_INFO, "test: wdt-feed times=%s", line->word[1]);
}

/* sleep MS */
static void sleep_for(const struct script_line *line)
{
	uint64_t start_ms = time_now_ms();

	thread_sleep_ms(script_number(line, 1));
	log_line(LOG_INFO, "test: sleep ms=%llu", (unsigned long long)(time_now_ms() - start_ms));
}

/* reset */
static void reset(const struct script_line *line)
{
	(void)line;
	log_line(LOG_INFO, "test: reset");
	machine_reset();
}

/* off */
static void off(const struct script_line *line)
{
	(void)line;
	log_line(LOG_INFO, "test: off");
	machine_off();
}

const struct script_verb device_verbs[] = {
	{"blk-info", blk_info},
	{"blk-write", blk_write},
	{"blk-read", blk_read},
	{"blk-beyond", blk_beyond},
	{"rng", rng_draw},
	{"rtc", rtc_read},
	{"wdt-start", wdt_start},
	{"wdt-feed", wdt_feed},
	{"sleep", sleep_for},
	{"reset", reset},
	{"off", off},
};
const size_t device_verbs_count = sizeof(device_verbs) / sizeof(device_verbs[0]);
