/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory with a volatile write cache. Until flush() returned, a cut may leave each sector as it was or as any write since the
 * last flush made it, or torn in between; `pending` has all of them, in order. Whoever watches sees every write and flush before it happens,
 * and makes from that what a cut would leave.
 */
#ifndef FAKE_RAM_FLASH_H
#define FAKE_RAM_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#define RAM_FLASH_SECTORS     384
#define RAM_FLASH_PENDING_MAX 192 /* a full cache writes its oldest sector back */

/* A storage operation about to happen: a flush, or a write of `count` sectors. */
struct ram_flash_op {
	bool is_flush;
	uint32_t lba, count;
	const uint8_t *data;
};

struct ram_flash {
	uint8_t now[RAM_FLASH_SECTORS][512];     /* what a read sees */
	uint8_t durable[RAM_FLASH_SECTORS][512]; /* what was flushed */
	uint64_t ops;                            /* writes and flushes so far */
	void (*watch)(void *ctx, const struct ram_flash_op *op);
	void *watch_ctx;
	bool dead;                         /* everything fails */
	uint32_t fail_write_lba;           /* a write that touches it fails; UINT32_MAX: none */
	uint32_t stuck_lba, stuck_lba_too; /* a write to one of them is silently lost; UINT32_MAX: none */
	uint32_t stuck_left;               /* so often */
	uint32_t fail_reads_below;         /* a read of a sector below it fails … */
	unsigned fail_reads;               /* … so many times; UINT32_MAX: always */
	uint32_t guard_lba, guard_sectors; /* a write in here is a fault of the program: counted */
	unsigned guard_hits;
	/* Written and not flushed, oldest first; a sector may be in it more than once. */
	uint32_t pending_count;
	struct {
		uint32_t lba;
		uint64_t op; /* of which operation */
		uint8_t data[512];
	} pending[RAM_FLASH_PENDING_MAX];
};

void ram_flash_init(struct ram_flash *flash);
int ram_flash_read(struct ram_flash *flash, uint32_t lba, void *buf, uint32_t count);
int ram_flash_write(struct ram_flash *flash, uint32_t lba, const void *buf, uint32_t count);
int ram_flash_flush(struct ram_flash *flash);
/* Would a write to it be lost? */
bool ram_flash_is_stuck(const struct ram_flash *flash, uint32_t lba);
/* Power on again, after an orderly end: nothing is lost. */
void ram_flash_power_on(struct ram_flash *flash);

#endif
