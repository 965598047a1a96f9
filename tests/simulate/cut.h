/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut may leave on the disk. A cut is what became of each sector that was written and not flushed, the operation's own
 * included: written, lost, or torn at an eighth with an old, zero or random rest.
 */
#ifndef SIMULATE_CUT_H
#define SIMULATE_CUT_H

#include "fake/ram_flash.h"

enum { CUT_PATCHES_MAX = RAM_FLASH_PENDING_MAX + 64, CUT_TEXT_MAX = 96 };

/* The disk is what was flushed, and on it these sectors. */
struct cut {
	char text[CUT_TEXT_MAX]; /* for people: where it was and what it left */
	uint32_t patch_count;
	struct {
		uint32_t lba;
		uint8_t data[512];
	} patch[CUT_PATCHES_MAX];
};

struct cuts; /* scratch of one level of cuts in cuts */
struct cuts *cuts_make(void);
void cuts_free(struct cuts *cuts);
/* Calls `each` for every cut before, in and after `op`, which is about to happen to `flash`. */
void cuts_of(struct cuts *cuts, const struct ram_flash *flash, const struct ram_flash_op *op,
	void (*each)(void *ctx, const struct cut *cut), void *ctx);

/* `disk` becomes what the cut leaves of `flash`. */
void cut_apply(const struct cut *cut, const struct ram_flash *flash, struct ram_flash *disk);

/* What is random in torn sectors and in mixes follows from this. */
void cut_seed(uint32_t seed);

#endif
