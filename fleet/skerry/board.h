/* SPDX-License-Identifier: Apache-2.0 */
/* What the tools must know of a board, read from its folder: board.conf and flashmap.conf. */
#ifndef SKERRY_BOARD_H
#define SKERRY_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

#define BOARD_AREAS_MAX        16
#define BOARD_DISK_SECTORS_MAX (1u << 22) /* 2 GiB: beyond it a map is a mistake */

struct board_area {
	char name[24];
	uint32_t lba, sectors;
};

struct board {
	char name[33];
	uint32_t kernel_load; /* address */
	uint32_t boot_record_lba[2];
	struct board_area areas[BOARD_AREAS_MAX];
	size_t area_count;
};

/* `what` is a folder (contains '/') or the name of one in SKERRY_BOARDS, else in the folder that the program was built with. 0 or -1. */
int board_load(const char *what, struct board *board, struct fleet_error *error) __attribute__((warn_unused_result));
/* The area called `name`, or NULL. */
const struct board_area *board_area(const struct board *board, const char *name);
/* First sector behind everything in the map. */
uint32_t board_disk_sectors(const struct board *board);

#endif
