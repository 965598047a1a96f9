/* SPDX-License-Identifier: Apache-2.0 */
/* A device's whole disk as it leaves the factory: flash map, boot record with slot a confirmed, its payload and confirm mark, provisioning. */
#ifndef SKERRY_DISK_H
#define SKERRY_DISK_H

#include "skerry/board.h"
#include "skerry/release.h"

struct disk_plan {
	const struct board *board;
	const struct release *release;
	const struct file_bytes *payload;   /* the release's */
	const struct file_bytes *provision; /* encoded, SPEC §7 */
};

/* Fill the open draft. The caller commits or drops it. 0 or -1. */
int disk_fill(struct file_draft *draft, const struct disk_plan *plan, struct fleet_error *error)
	__attribute__((warn_unused_result));

/* What a disk is to be made of. All borrowed. */
struct disk_order {
	const struct board *board;
	const char *image; /* path of the signed manifest, the payload beside it */
	const char *disk;  /* path of the disk */
	const struct file_bytes *provision;
};
/* Check the image, open the draft of the disk and fill it; it gets its name with file_draft_commit(). 0 or -1. */
int disk_draft(const struct home *home, const struct disk_order *order, struct file_draft *draft,
	struct fleet_error *error) __attribute__((warn_unused_result));

#endif
