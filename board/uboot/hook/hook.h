/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Skerry's boot hook in U-Boot. Flow, by file:
 *
 *   watchdog.c (armed before relocation) → hook.c (the decisions) → control.c (the board's map) → disk.c
 *   → slot.c (one slot's FIT) → ota/bootrec (the rules) → handoff.c (/chosen/skerry, jump)
 *
 * It knows no board: every address comes from the node /skerry of U-Boot's control device tree. It never reads the
 * console. Results are 0 or a negative errno unless stated.
 */
#ifndef SKERRY_HOOK_H
#define SKERRY_HOOK_H

#include <blk.h>
#include <linux/types.h>

#include "ota/bootrec.h"

/* ---- control.c ---- */

struct skerry_range {
	u32 start, size; /* LBA and sectors, or address and bytes */
};

struct skerry_map {
	int node; /* /skerry in the control tree */
	u32 record_lba[2];
	struct skerry_range slot[OTA_BOOTREC_SLOTS];
	struct skerry_range kernel_window; /* where a kernel may be loaded and entered */
	struct skerry_range fit_staging;   /* where a slot's FIT is read to and verified */
	struct skerry_range kernel_fdt;    /* the device tree left for the kernel, and room for it to grow */
};

/* Read /skerry. -EINVAL: something is missing or would overwrite U-Boot itself (says what). */
int skerry_map_read(struct skerry_map *map);

/*
 * True if the control tree has a key that U-Boot must find behind every configuration: without one, U-Boot
 * verifies nothing at all.
 */
bool skerry_key_is_required(void);

/* ---- disk.c ---- */

/* The first block device of the control tree that answers; NULL: none. */
struct blk_desc *skerry_disk(void);

/* Read sectors to `buf`, tried a few times. -EIO. */
int skerry_disk_read(struct blk_desc *disk, u32 lba, u32 sectors, void *buf);

struct skerry_record_ctx {
	struct blk_desc *disk;
	const struct skerry_map *map;
};
extern const struct ota_bootrec_ops skerry_record_ops; /* ctx: struct skerry_record_ctx */

/* ---- slot.c ---- */

/* What a verified FIT in the staging area says about its kernel. */
struct skerry_kernel {
	const void *data;
	size_t bytes;
	ulong load, entry;
};

/*
 * Read the slot's FIT to the staging area and verify it; fill in *seen, its confirm mark included, and *kernel if
 * it is verified. Prints one line with the verdict. Everything that was staged before is lost.
 */
void skerry_slot_examine(const struct skerry_map *map, struct blk_desc *disk, unsigned slot, struct ota_slot_seen *seen,
	struct skerry_kernel *kernel);

/* ---- handoff.c ---- */

struct skerry_handoff {
	const struct ota_bootrec *rec; /* as committed */
	const struct ota_boot_plan *plan;
	const struct ota_image *image;
	u64 entry_ticks; /* CNTPCT at the hook's first line */
};

/* Check the kernel's device tree and make room in it. -EINVAL: the firmware left none that can be used. */
int skerry_handoff_open(const struct skerry_map *map);

/* Tell the kernel how it was started, /chosen/skerry (SPEC §5). -ENOSPC: the tree is full. */
int skerry_handoff_write(const struct skerry_map *map, const struct skerry_handoff *handoff);

/* Move the kernel to its load address, stop the devices, jump. Does not return. */
void __noreturn skerry_handoff_jump(const struct skerry_map *map, const struct skerry_kernel *kernel);

/* ---- watchdog.c ---- */

/* True if the board's watchdog, if any, reset the machine before this start; forgets it. */
bool skerry_watchdog_has_reset(void);

/* Start its time again; harmless without one. */
void skerry_watchdog_feed(void);

#endif
