/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EIGHTHS = 8, EIGHTH_BYTES = 64, SUBSET_SECTORS_MAX = 8, SUBSET_WRITES_MAX = 6, MIXES = 16 };

/* What became of one sector that was written and not flushed. */
enum fate { LOST, KEPT, TORN };
enum rest { REST_OLD, REST_ZERO, REST_RANDOM, RESTS };
static const char *const rest_names[] = {"old", "zero", "random"};

struct cuts {
	const struct ram_flash *flash;
	void (*each)(void *ctx, const struct cut *cut);
	void *ctx;
	/* The sectors at stake, oldest first: those in the cache, then the operation's own from `own` on. */
	uint32_t count, own;
	struct {
		uint32_t lba;
		uint64_t op;
		const uint8_t *data;
		enum fate fate;
		unsigned eighth;
		enum rest rest;
	} sector[CUT_PATCHES_MAX];
	char where[48];
	struct cut cut;
};

static uint32_t random_state;

void cut_seed(uint32_t seed)
{
	random_state = seed;
}

static uint32_t random_next(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 8;
}

struct cuts *cuts_make(void)
{
	struct cuts *cuts = calloc(1, sizeof(*cuts));

	if (!cuts)
		abort();
	return cuts;
}

void cuts_free(struct cuts *cuts)
{
	free(cuts);
}

/* What a sector holds before the one at `index` comes to it. */
static const uint8_t *sector_before(const struct cuts *cuts, uint32_t lba)
{
	for (uint32_t i = cuts->cut.patch_count; i > 0; i--)
		if (cuts->cut.patch[i - 1].lba == lba)
			return cuts->cut.patch[i - 1].data;
	return cuts->flash->durable[lba];
}

static void patch_add(struct cuts *cuts, uint32_t index)
{
	uint8_t *to = cuts->cut.patch[cuts->cut.patch_count].data;
	size_t len = cuts->sector[index].fate == KEPT ? 512 : cuts->sector[index].eighth * EIGHTH_BYTES;

	memcpy(to, sector_before(cuts, cuts->sector[index].lba), 512);
	memcpy(to, cuts->sector[index].data, len);
	if (cuts->sector[index].rest == REST_ZERO)
		memset(to + len, 0, 512 - len);
	for (size_t i = len; i < 512 && cuts->sector[index].rest == REST_RANDOM; i++)
		to[i] = (uint8_t)random_next();
	cuts->cut.patch[cuts->cut.patch_count++].lba = cuts->sector[index].lba;
}

static void give(struct cuts *cuts, const char *what)
{
	(void)snprintf(cuts->cut.text, sizeof(cuts->cut.text), "%s: %s", cuts->where, what);
	cuts->cut.patch_count = 0;
	for (uint32_t i = 0; i < cuts->count; i++)
		if (cuts->sector[i].fate != LOST)
			patch_add(cuts, i);
	cuts->each(cuts->ctx, &cuts->cut);
}

static void fates_set(struct cuts *cuts, uint32_t first, uint32_t end, enum fate fate)
{
	for (uint32_t i = first; i < end; i++) {
		cuts->sector[i].fate = fate;
		cuts->sector[i].rest = REST_OLD;
	}
}

/* The one at `index` torn in every way; the others stay as they were set. */
static void give_torn(struct cuts *cuts, uint32_t index)
{
	enum fate before = cuts->sector[index].fate;
	char what[48];

	cuts->sector[index].fate = TORN;
	for (unsigned eighth = 1; eighth < EIGHTHS; eighth++)
		for (unsigned rest = 0; rest < RESTS; rest++) {
			cuts->sector[index].eighth = eighth;
			cuts->sector[index].rest = (enum rest)rest;
			(void)snprintf(what, sizeof(what), "sector %u torn at %u/8, %s rest", cuts->sector[index].lba,
				eighth, rest_names[rest]);
			give(cuts, what);
		}
	cuts->sector[index].fate = before;
	cuts->sector[index].rest = REST_OLD;
}

/* Every set of the sectors from `first` on, but not all and not none. */
static void give_subsets(struct cuts *cuts, uint32_t first, bool skip_prefixes)
{
	uint32_t count = cuts->count - first;
	char what[48];

	for (uint32_t set = 1; set + 1 < 1u << count; set++) {
		if (skip_prefixes && (set & (set + 1)) == 0)
			continue; /* the first few: a write that broke off, given already */
		for (uint32_t i = 0; i < count; i++)
			cuts->sector[first + i].fate = set >> i & 1 ? KEPT : LOST;
		(void)snprintf(what, sizeof(what), "of its sectors the set %#x", set);
		give(cuts, what);
	}
}

static void write_cuts(struct cuts *cuts)
{
	uint32_t own_count = cuts->count - cuts->own;
	char what[48];

	/* With a cache that was written back, and with one that was lost. */
	for (int kept = 1; kept >= (cuts->own > 0 ? 0 : 1); kept--) {
		fates_set(cuts, 0, cuts->own, kept ? KEPT : LOST);
		fates_set(cuts, cuts->own, cuts->count, LOST);
		give(cuts, kept ? "before" : "before, cache lost");
		for (uint32_t i = cuts->own; i < cuts->count; i++) {
			give_torn(cuts, i);
			cuts->sector[i].fate = KEPT;
			(void)snprintf(what, sizeof(what), "after %u of %u sectors%s", i - cuts->own + 1, own_count,
				kept ? "" : ", cache lost");
			give(cuts, what);
		}
	}
	fates_set(cuts, 0, cuts->own, KEPT);
	if (own_count > 1 && own_count <= SUBSET_SECTORS_MAX)
		give_subsets(cuts, cuts->own, true);
}

static bool set_has_write(const struct cuts *cuts, uint32_t set, uint32_t index)
{
	uint32_t write = 0;

	for (uint32_t i = 1; i <= index; i++)
		write += cuts->sector[i].op != cuts->sector[i - 1].op;
	return set >> write & 1;
}

static uint32_t write_count(const struct cuts *cuts)
{
	uint32_t count = cuts->count > 0;

	for (uint32_t i = 1; i < cuts->count; i++)
		count += cuts->sector[i].op != cuts->sector[i - 1].op;
	return count;
}

/* Writes in any order: every set of whole writes, each sector alone lost, kept or torn, and mixes of all that. */
static void give_reordered(struct cuts *cuts)
{
	uint32_t writes = write_count(cuts);
	char what[64];

	for (uint32_t set = 1; writes <= SUBSET_WRITES_MAX && set + 1 < 1u << writes; set++) {
		for (uint32_t i = 0; i < cuts->count; i++)
			cuts->sector[i].fate = set_has_write(cuts, set, i) ? KEPT : LOST;
		(void)snprintf(what, sizeof(what), "of %u unflushed writes the set %#x", writes, set);
		give(cuts, what);
	}
	for (uint32_t i = 0; i < cuts->count; i++) {
		fates_set(cuts, 0, cuts->count, LOST);
		cuts->sector[i].fate = KEPT;
		(void)snprintf(what, sizeof(what), "sector %u alone kept", cuts->sector[i].lba);
		give(cuts, what);
		fates_set(cuts, 0, cuts->count, KEPT);
		cuts->sector[i].fate = LOST;
		(void)snprintf(what, sizeof(what), "sector %u alone lost", cuts->sector[i].lba);
		give(cuts, what);
		give_torn(cuts, i);
	}
	for (unsigned mix = 0; mix < MIXES; mix++) {
		for (uint32_t i = 0; i < cuts->count; i++) {
			cuts->sector[i].fate = (enum fate)(random_next() % 3);
			cuts->sector[i].eighth = 1 + random_next() % (EIGHTHS - 1);
			cuts->sector[i].rest = (enum rest)(random_next() % RESTS);
		}
		(void)snprintf(what, sizeof(what), "random mix %u", mix);
		give(cuts, what);
	}
}

/* One sector written is a write that was cut already; what is new here is several of them in any order. */
static void flush_cuts(struct cuts *cuts)
{
	fates_set(cuts, 0, cuts->count, LOST);
	give(cuts, "before, cache lost");
	if (cuts->count > 1)
		give_reordered(cuts);
	fates_set(cuts, 0, cuts->count, KEPT);
	give(cuts, "after");
}

static void sectors_gather(struct cuts *cuts, const struct ram_flash_op *op)
{
	const struct ram_flash *flash = cuts->flash;

	assert(flash->pending_count + op->count <= CUT_PATCHES_MAX);
	cuts->own = cuts->count = 0;
	for (uint32_t i = 0; i < flash->pending_count; i++, cuts->count++) {
		cuts->sector[cuts->count].lba = flash->pending[i].lba;
		cuts->sector[cuts->count].op = flash->pending[i].op;
		cuts->sector[cuts->count].data = flash->pending[i].data;
	}
	cuts->own = cuts->count;
	for (uint32_t i = 0; !op->is_flush && i < op->count; i++) {
		if (ram_flash_is_stuck(flash, op->lba + i))
			continue;
		cuts->sector[cuts->count].lba = op->lba + i;
		cuts->sector[cuts->count].op = flash->ops;
		cuts->sector[cuts->count++].data = op->data + (size_t)i * 512;
	}
}

void cuts_of(struct cuts *cuts, const struct ram_flash *flash, const struct ram_flash_op *op,
	void (*each)(void *ctx, const struct cut *cut), void *ctx)
{
	cuts->flash = flash;
	cuts->each = each;
	cuts->ctx = ctx;
	sectors_gather(cuts, op);
	if (op->is_flush)
		(void)snprintf(cuts->where, sizeof(cuts->where), "op %llu, flush", (unsigned long long)flash->ops);
	else
		(void)snprintf(cuts->where, sizeof(cuts->where), "op %llu, write %u+%u", (unsigned long long)flash->ops,
			op->lba, op->count);
	if (op->is_flush)
		flush_cuts(cuts);
	else
		write_cuts(cuts);
}

void cut_apply(const struct cut *cut, const struct ram_flash *flash, struct ram_flash *disk)
{
	memcpy(disk->now, flash->durable, sizeof(disk->now));
	for (uint32_t i = 0; i < cut->patch_count; i++)
		memcpy(disk->now[cut->patch[i].lba], cut->patch[i].data, 512);
	disk->pending_count = 0;
}
