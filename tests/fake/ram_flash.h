/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory with a volatile write cache, whose power can be cut at any operation. Until flush() returned, each
 * written sector may after a cut be there, be missing or be torn in the middle, whichever the cut says.
 */
#ifndef FAKE_RAM_FLASH_H
#define FAKE_RAM_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#define RAM_FLASH_SECTORS 320

/* When in the operation the power goes: before it, in the middle, after it. */
enum cut_moment { CUT_BEFORE, CUT_TORN, CUT_AFTER };
/* What becomes of sectors that were written and not flushed. */
enum cut_cache { CACHE_KEPT, CACHE_LOST, CACHE_MIXED };

struct ram_flash {
	uint8_t now[RAM_FLASH_SECTORS][512];     /* what a read sees */
	uint8_t durable[RAM_FLASH_SECTORS][512]; /* what a cut leaves */
	bool dirty[RAM_FLASH_SECTORS];
	uint64_t ops;    /* writes and flushes so far */
	uint64_t cut_at; /* the op that the power goes in; UINT64_MAX: none */
	enum cut_moment moment;
	enum cut_cache cache;
	uint32_t random;
	bool dead;                         /* the power is off: nothing happens any more, everything fails */
	uint32_t fail_write_lba;           /* a write that touches it fails; UINT32_MAX: none */
	uint32_t stuck_lba;                /* a write to it is silently lost; UINT32_MAX: none */
	uint32_t fail_reads_below;         /* a read of a sector below it fails … */
	unsigned fail_reads;               /* … so many times; UINT32_MAX: always */
	uint32_t guard_lba, guard_sectors; /* a write in here is a fault of the program: counted */
	unsigned guard_hits;
};

void ram_flash_init(struct ram_flash *flash);
int ram_flash_read(struct ram_flash *flash, uint32_t lba, void *buf, uint32_t count);
int ram_flash_write(struct ram_flash *flash, uint32_t lba, const void *buf, uint32_t count);
int ram_flash_flush(struct ram_flash *flash);
/* Power on again after a cut, or without one (then nothing is lost). */
void ram_flash_power_on(struct ram_flash *flash);

#endif
