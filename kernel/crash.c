/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "crc32.h"
#include "kernel/app.h"
#include "kernel/bootinfo.h"
#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "log_priv.h"

#define CRASH_MAGIC    0x52434b53U /* "SKCR" */
#define CRASH_FORMAT   1
#define TEXT_MAX_BYTES 8192

struct crash_header {
	uint32_t magic, format, text_bytes, text_crc, cause, seen;
	uint64_t uptime_ms, esr, far, elr, sp;
	char thread[16], image[32], version[16], build_id[41];
	uint8_t reserved[339];
	uint32_t crc;
};
_Static_assert(sizeof(struct crash_header) == BLK_SECTOR_BYTES, "one sector");
_Static_assert(offsetof(struct crash_header, build_id) == 128, "crash.h");
_Static_assert(offsetof(struct crash_header, crc) == 508, "crash.h");

/* Static, because a panic must not need memory. */
static struct crash_header header __attribute__((aligned(16)));
static char text[TEXT_MAX_BYTES] __attribute__((aligned(16)));
static const char *last_cause;

const char *panic_last_cause(void)
{
	return last_cause;
}

static uint32_t header_crc(void)
{
	return crc32(&header, offsetof(struct crash_header, crc));
}

static void header_fill(const struct panic_site *site, const char *thread)
{
	memset(&header, 0, sizeof(header));
	header.magic = CRASH_MAGIC;
	header.format = CRASH_FORMAT;
	header.cause = site->cause;
	header.uptime_ms = time_now_ms();
	header.esr = site->esr;
	header.far = site->far;
	header.elr = site->frame->elr;
	header.sp = site->frame->sp;
	snprintf(header.thread, sizeof(header.thread), "%s", thread);
	snprintf(header.image, sizeof(header.image), "%s", app_image_name());
	snprintf(header.version, sizeof(header.version), "%s", app_image_version());
	snprintf(header.build_id, sizeof(header.build_id), "%s", build_id_hex());
}

void crash_write(const struct panic_site *site, const char *thread)
{
	struct flash_range range = bootinfo()->crash;
	struct blk_dev *blk = dev_blk();
	size_t cap, sectors;

	if (range.sectors < 2 || !blk || !blk->ops->panic_write)
		return;
	cap = ((size_t)range.sectors - 1) * BLK_SECTOR_BYTES;
	memset(text, 0, sizeof(text));
	header_fill(site, thread);
	header.text_bytes = (uint32_t)log_tail(text, cap < sizeof(text) ? cap : sizeof(text));
	header.text_crc = crc32(text, header.text_bytes);
	header.crc = header_crc();
	sectors = (header.text_bytes + BLK_SECTOR_BYTES - 1) / BLK_SECTOR_BYTES;
	/* The header last: it vouches for the text. */
	if (blk->ops->panic_write(blk, (uint64_t)range.lba + 1, text, sectors) ||
		blk->ops->panic_write(blk, range.lba, &header, 1))
		log_line(LOG_ERR, "crash: record not written");
	else
		log_line(LOG_ERR, "crash: record written lba=0x%x text_bytes=%u", range.lba, header.text_bytes);
}

/* The header vouches for the text; an older header beside the text of a record that was never finished does not. */
static bool record_whole(struct blk_dev *blk, struct flash_range range)
{
	size_t sectors;

	if (header.magic != CRASH_MAGIC || header.format != CRASH_FORMAT || header.crc != header_crc())
		return false;
	sectors = ((size_t)header.text_bytes + BLK_SECTOR_BYTES - 1) / BLK_SECTOR_BYTES;
	if (header.text_bytes > sizeof(text) || sectors > range.sectors - 1)
		return false;
	return sectors == 0 || (blk->ops->read(blk, (uint64_t)range.lba + 1, text, sectors) == 0 &&
				       header.text_crc == crc32(text, header.text_bytes));
}

static void record_note(void)
{
	last_cause = panic_cause_name(header.cause);
	header.thread[sizeof(header.thread) - 1] = header.version[sizeof(header.version) - 1] = '\0';
	log_line(LOG_WARN, "crash: last start ended cause=%s thread=%s version=%s elr=0x%lx far=0x%lx uptime_ms=%lu",
		last_cause, header.thread, header.version, (unsigned long)header.elr, (unsigned long)header.far,
		(unsigned long)header.uptime_ms);
}

void crash_read_last(void)
{
	struct flash_range range = bootinfo()->crash;
	struct blk_dev *blk = dev_blk();

	if (range.sectors < 2 || !blk)
		return;
	if (blk->ops->read(blk, range.lba, &header, 1)) {
		log_line(LOG_WARN, "crash: range not readable lba=0x%x", range.lba);
		return;
	}
	if (header.seen || !record_whole(blk, range))
		return;
	record_note();
	header.seen = 1;
	header.crc = header_crc();
	if (blk->ops->write(blk, range.lba, &header, 1) || blk->ops->flush(blk))
		log_line(LOG_WARN, "crash: record not marked as seen");
}
