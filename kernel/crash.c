/* SPDX-License-Identifier: Apache-2.0 */
#include "crash_priv.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "crc32.h"
#include "kernel/app.h"
#include "kernel/bootinfo.h"
#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "log_priv.h"

#define CRASH_MAGIC    0x52434b53U /* "SKCR" */
#define CRASH_FORMAT   1
#define TEXT_MAX_BYTES 8192

struct crash_header {
	uint32_t magic, format, text_bytes, text_crc, cause, seen;
	uint64_t uptime_ms, esr, far, elr, sp;
	char thread[16], image[32], version[16], build_id[41], slot;
	uint16_t pc_count;
	uint32_t boots, uploaded, reserved;
	uint64_t lr, pcs[CRASH_PCS_MAX];
	uint8_t reserved_end[60];
	uint32_t crc;
};
_Static_assert(sizeof(struct crash_header) == BLK_SECTOR_BYTES, "one sector");
_Static_assert(offsetof(struct crash_header, build_id) == 128, "crash.h");
_Static_assert(offsetof(struct crash_header, boots) == 172, "crash.h");
_Static_assert(offsetof(struct crash_header, pcs) == 192, "crash.h");
_Static_assert(offsetof(struct crash_header, crc) == 508, "crash.h");

/* Static, because a panic must not need memory. */
static struct crash_header header __attribute__((aligned(16)));
static char text[TEXT_MAX_BYTES] __attribute__((aligned(16)));
static const char *last_cause;
static struct crash_record last;
static bool last_offered;

const char *panic_last_cause(void)
{
	return last_cause;
}

static uint32_t header_crc(void)
{
	return crc32(&header, offsetof(struct crash_header, crc));
}

static void backtrace_fill(const struct frame *frame)
{
	header.pcs[0] = frame->elr;
	header.pc_count = (uint16_t)(1 + frame_backtrace(frame, header.pcs + 1, CRASH_PCS_MAX - 1));
}

static void header_fill(const struct panic_site *site)
{
	const struct bootinfo *boot = bootinfo();

	memset(&header, 0, sizeof(header));
	header.magic = CRASH_MAGIC;
	header.format = CRASH_FORMAT;
	header.cause = site->cause;
	header.uptime_ms = time_now_ms();
	header.esr = site->esr;
	header.far = site->far;
	header.elr = site->frame->elr;
	header.sp = site->frame->sp;
	header.lr = site->frame->x[30];
	header.boots = boot->boots;
	header.slot = boot->present ? (char)('a' + boot->slot_index) : '\0';
	backtrace_fill(site->frame);
	snprintf(header.thread, sizeof(header.thread), "%s", thread_name(site->thread));
	snprintf(header.image, sizeof(header.image), "%s", app_image_name());
	snprintf(header.version, sizeof(header.version), "%s", app_image_version());
	snprintf(header.build_id, sizeof(header.build_id), "%s", build_id_hex());
}

void crash_write(const struct panic_site *site)
{
	struct flash_range range = bootinfo()->crash;
	struct blk_dev *blk = dev_blk();
	size_t cap, sectors;

	if (range.sectors < 2 || !blk || !blk->ops->panic_write)
		return;
	cap = ((size_t)range.sectors - 1) * BLK_SECTOR_BYTES;
	memset(text, 0, sizeof(text));
	header_fill(site);
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
	log_line(LOG_WARN, "crash: last start ended cause=%s thread=%s version=%s elr=0x%lx far=0x%lx uptime_ms=%lu",
		last_cause, header.thread, header.version, (unsigned long)header.elr, (unsigned long)header.far,
		(unsigned long)header.uptime_ms);
}

static uint32_t record_id(void)
{
	uint32_t seen = header.seen, uploaded = header.uploaded, id;

	header.seen = header.uploaded = 0;
	id = header_crc();
	header.seen = seen;
	header.uploaded = uploaded;
	return id;
}

/* A CRC vouches for what was written, not for who wrote it: lengths and ends are made sure of. */
static void record_tame(void)
{
	header.thread[sizeof(header.thread) - 1] = header.image[sizeof(header.image) - 1] = '\0';
	header.version[sizeof(header.version) - 1] = header.build_id[sizeof(header.build_id) - 1] = '\0';
	if (header.pc_count > CRASH_PCS_MAX)
		header.pc_count = CRASH_PCS_MAX;
}

static void record_offer(void)
{
	last = (struct crash_record){
		.id = last.id,
		.boots = header.boots,
		.cause = panic_cause_name(header.cause),
		.slot = header.slot,
		.uptime_ms = header.uptime_ms,
		.esr = header.esr,
		.far = header.far,
		.elr = header.elr,
		.sp = header.sp,
		.lr = header.lr,
		.pc_count = header.pc_count,
		.text = text,
		.text_bytes = header.text_bytes,
	};
	memcpy(last.pcs, header.pcs, sizeof(last.pcs));
	memcpy(last.thread, header.thread, sizeof(last.thread));
	memcpy(last.image, header.image, sizeof(last.image));
	memcpy(last.version, header.version, sizeof(last.version));
	memcpy(last.build_id, header.build_id, sizeof(last.build_id));
	last_offered = true;
}

static int header_commit(struct blk_dev *blk, struct flash_range range)
{
	int rc;

	header.crc = header_crc();
	rc = blk->ops->write(blk, range.lba, &header, 1);
	return rc ? rc : blk->ops->flush(blk);
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
	if ((header.seen && header.uploaded) || !record_whole(blk, range))
		return;
	last.id = record_id();
	record_tame();
	if (!header.uploaded)
		record_offer();
	if (header.seen)
		return;
	record_note();
	header.seen = 1;
	if (header_commit(blk, range))
		log_line(LOG_WARN, "crash: record not marked as seen");
}

const struct crash_record *crash_last(void)
{
	return last_offered ? &last : NULL;
}

int crash_uploaded(void)
{
	struct blk_dev *blk = dev_blk();

	if (!last_offered || !blk)
		return -DEV_E_INVAL;
	last_offered = false;
	header.uploaded = 1;
	return header_commit(blk, bootinfo()->crash);
}
