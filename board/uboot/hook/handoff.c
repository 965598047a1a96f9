// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel is told, and the jump to it (SPEC §5). */
#include <asm/cache.h>
#include <asm/global_data.h>
#include <cpu_func.h>
#include <dm/root.h>
#include <linux/errno.h>
#include <linux/libfdt.h>
#include <linux/string.h>
#include <time.h>

#include "hook.h"

DECLARE_GLOBAL_DATA_PTR;

static void *kernel_fdt(const struct skerry_map *map)
{
	return (void *)(uintptr_t)map->kernel_fdt.start;
}

int skerry_handoff_open(const struct skerry_map *map)
{
	void *fdt = kernel_fdt(map);

	/* All of it, not the header alone: libfdt writes behind the buffer when it opens a tree whose structure has no end. */
	if (fdt_check_full(fdt, map->kernel_fdt.size))
		return -EINVAL;
	return fdt_open_into(fdt, fdt, map->kernel_fdt.size) ? -EINVAL : 0;
}

static int node_make(void *fdt, int parent, const char *name)
{
	int node = fdt_subnode_offset(fdt, parent, name);

	return node == -FDT_ERR_NOTFOUND ? fdt_add_subnode(fdt, parent, name) : node;
}

/*
 * Hand on every property of the control tree's /skerry: the kernel learns the flash map from the one place that
 * has it.
 */
static int map_copy(const struct skerry_map *map, void *fdt, int node)
{
	int prop;

	fdt_for_each_property_offset(prop, gd->fdt_blob, map->node)
	{
		const char *name;
		int len;
		const void *value = fdt_getprop_by_offset(gd->fdt_blob, prop, &name, &len);

		if (!value || fdt_setprop(fdt, node, name, value, len))
			return -ENOSPC;
	}
	return 0;
}

int skerry_handoff_write(const struct skerry_map *map, const struct skerry_handoff *handoff)
{
	void *fdt = kernel_fdt(map);
	const struct ota_image *image = handoff->image;
	fdt32_t version[3];
	int chosen = node_make(fdt, 0, "chosen");
	int node = chosen < 0 ? chosen : node_make(fdt, chosen, "skerry");

	if (node < 0 || map_copy(map, fdt, node))
		return -ENOSPC;
	for (int i = 0; i < 3; i++)
		version[i] = cpu_to_fdt32(image->version[i]);
	if (fdt_setprop_string(fdt, node, "slot", handoff->plan->slot == OTA_SLOT_B ? "b" : "a") ||
		fdt_setprop_string(fdt, node, "mode", ota_boot_mode_name(handoff->plan->mode)) ||
		fdt_setprop(fdt, node, "digest", image->digest, sizeof(image->digest)) ||
		fdt_setprop_u32(fdt, node, "image-bytes", image->bytes) ||
		fdt_setprop_u32(fdt, node, "security-counter", image->counter) ||
		fdt_setprop(fdt, node, "version", version, sizeof(version)) ||
		fdt_setprop_u32(fdt, node, "boots", handoff->rec->boots) ||
		fdt_setprop_u32(fdt, node, "starts", handoff->rec->starts) ||
		fdt_setprop_u32(fdt, node, "cause", handoff->rec->last_cause) ||
		fdt_setprop_u64(fdt, node, "uboot-entry-ticks", handoff->entry_ticks) ||
		fdt_setprop_u64(fdt, node, "uboot-exit-ticks", get_ticks()))
		return -ENOSPC;
	return 0;
}

void __noreturn skerry_handoff_jump(const struct skerry_map *map, const struct skerry_kernel *kernel)
{
	void (*entry)(void *fdt, ulong zero1, ulong zero2, ulong zero3) = (void *)kernel->entry;
	void *fdt = kernel_fdt(map);

	memmove((void *)kernel->load, kernel->data, kernel->bytes);
	flush_cache(rounddown(kernel->load, ARCH_DMA_MINALIGN),
		roundup(kernel->bytes + ARCH_DMA_MINALIGN, ARCH_DMA_MINALIGN));
	flush_cache((ulong)fdt, roundup(fdt_totalsize(fdt), ARCH_DMA_MINALIGN));
	/* Resets the disk: its queues lie in memory that is the kernel's from now on. */
	dm_remove_devices_active();
	cleanup_before_linux();
	entry(fdt, 0, 0, 0);
	for (;;)
		;
}
