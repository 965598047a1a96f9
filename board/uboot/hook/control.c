// SPDX-License-Identifier: GPL-2.0-or-later
/* The board's map: node /skerry of the control device tree, which is part of the read-only flash image. */
#include <asm/global_data.h>
#include <image.h>
#include <linux/errno.h>
#include <linux/libfdt.h>
#include <stdio.h>

#include "hook.h"

DECLARE_GLOBAL_DATA_PTR;

/* Below U-Boot's relocated self lie its heap, tables and stack; the stack grows down by less than this. */
#define STACK_ROOM 0x20000

static int pair_read(int node, const char *name, u32 *first, u32 *second)
{
	int len = 0;
	const fdt32_t *cells = fdt_getprop(gd->fdt_blob, node, name, &len);

	if (!cells || len != 2 * sizeof(*cells)) {
		printf("boot: control tree: /skerry/%s must have two cells\n", name);
		return -EINVAL;
	}
	*first = fdt32_to_cpu(cells[0]);
	*second = fdt32_to_cpu(cells[1]);
	return 0;
}

static int range_read(int node, const char *name, struct skerry_range *range)
{
	return pair_read(node, name, &range->start, &range->size);
}

static int memory_read(int node, const char *name, struct skerry_range *range)
{
	if (range_read(node, name, range))
		return -EINVAL;
	if (range->start < gd->ram_base || (u64)range->start + range->size > gd->start_addr_sp - STACK_ROOM) {
		printf("boot: control tree: /skerry/%s is outside the memory that U-Boot leaves free\n", name);
		return -EINVAL;
	}
	return 0;
}

int skerry_map_read(struct skerry_map *map)
{
	map->node = fdt_path_offset(gd->fdt_blob, "/skerry");
	if (map->node < 0) {
		printf("boot: control tree: no node /skerry\n");
		return -EINVAL;
	}
	if (pair_read(map->node, "boot-record", &map->record_lba[0], &map->record_lba[1]) ||
		range_read(map->node, "slot-a", &map->slot[OTA_SLOT_A]) ||
		range_read(map->node, "slot-b", &map->slot[OTA_SLOT_B]) ||
		memory_read(map->node, "kernel-window", &map->kernel_window) ||
		memory_read(map->node, "fit-staging", &map->fit_staging) ||
		memory_read(map->node, "kernel-fdt", &map->kernel_fdt))
		return -EINVAL;
	return 0;
}

bool skerry_key_is_required(void)
{
	int keys = fdt_subnode_offset(gd->fdt_blob, 0, FIT_SIG_NODENAME);
	int key, required = 0;

	/* `required-mode` would let one key of several do; our build never writes it. */
	if (keys < 0 || fdt_getprop(gd->fdt_blob, keys, "required-mode", NULL))
		return false;
	fdt_for_each_subnode(key, gd->fdt_blob, keys)
	{
		int len = 0;
		const char *value = fdt_getprop(gd->fdt_blob, key, FIT_KEY_REQUIRED, &len);

		if (value && len == sizeof("conf") && !memcmp(value, "conf", sizeof("conf")))
			required++;
	}
	return required > 0;
}
