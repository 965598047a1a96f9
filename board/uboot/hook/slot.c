// SPDX-License-Identifier: GPL-2.0-or-later
/* One slot: read its FIT, verify it, say what it is (SPEC §3). */
#include <asm/unaligned.h>
#include <image.h>
#include <linux/libfdt.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <stdio.h>
#include <u-boot/sha256.h>

#include "hook.h"

/* Named here and not taken from `default`, which no signature covers. */
#define CONF_NAME "conf"

#define SECTOR_BYTES 512

struct refusal {
	enum ota_cause cause;
	const char *why;
};

static struct refusal refuse(enum ota_cause cause, const char *why)
{
	return (struct refusal){cause, why};
}

#define ACCEPTED ((struct refusal){OTA_CAUSE_NONE, NULL})

/* Read the FIT to the staging area: first its header, then as much as that says, never more than the slot holds. */
static struct refusal fit_read(const struct skerry_map *map, struct blk_desc *disk, unsigned slot, u32 *bytes)
{
	void *fit = (void *)(uintptr_t)map->fit_staging.start;
	u64 limit = min((u64)map->fit_staging.size, ((u64)map->slot[slot].size - 1) * SECTOR_BYTES);
	u32 lba = map->slot[slot].start;

	if (map->slot[slot].size < 2 || skerry_disk_read(disk, lba, 1, fit))
		return refuse(OTA_CAUSE_SLOT_UNREADABLE, "read error");
	if (fdt_check_header(fit))
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "not a FIT");
	*bytes = fdt_totalsize(fit);
	if (*bytes > limit)
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "totalsize is more than the slot holds");
	if (skerry_disk_read(disk, lba, DIV_ROUND_UP(*bytes, SECTOR_BYTES), fit))
		return refuse(OTA_CAUSE_SLOT_UNREADABLE, "read error");
	return ACCEPTED;
}

/* The position, offset and size of external data are in no signature. */
static bool has_external_data(const void *fit, int image)
{
	return fdt_getprop(fit, image, FIT_DATA_OFFSET_PROP, NULL) ||
	       fdt_getprop(fit, image, FIT_DATA_POSITION_PROP, NULL) ||
	       fdt_getprop(fit, image, FIT_DATA_SIZE_PROP, NULL);
}

static struct refusal fit_verify(const void *fit, u32 bytes, int *conf, int *image)
{
	if (fit_check_format(fit, bytes))
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "damaged or forbidden FIT structure");
	*conf = fit_conf_get_node(fit, CONF_NAME);
	if (*conf < 0)
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "no configuration 'conf'");
	*image = fit_conf_get_prop_node(fit, *conf, FIT_KERNEL_PROP, IH_PHASE_NONE);
	if (*image < 0)
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "the configuration names no kernel");
	if (has_external_data(fit, *image))
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "external data");
	if (fit_config_verify(fit, *conf))
		return refuse(OTA_CAUSE_SIGNATURE_REFUSED, "configuration signature");
	if (!fit_image_verify(fit, *image))
		return refuse(OTA_CAUSE_SIGNATURE_REFUSED, "kernel hash");
	return ACCEPTED;
}

static bool in_window(const struct skerry_range *window, u64 start, u64 bytes)
{
	return start >= window->start && bytes <= window->size && start - window->start <= window->size - bytes;
}

static struct refusal kernel_find(
	const struct skerry_map *map, const void *fit, int image, struct skerry_kernel *kernel)
{
	u8 comp = IH_COMP_COUNT, arch = IH_ARCH_INVALID;

	/* fit_image_check_arch() would also let 32-bit code pass. */
	if (!fit_image_check_type(fit, image, IH_TYPE_KERNEL) || fit_image_get_arch(fit, image, &arch) ||
		arch != IH_ARCH_ARM64)
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "not an arm64 kernel");
	if (fit_image_get_comp(fit, image, &comp) || comp != IH_COMP_NONE)
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "compressed");
	if (fit_image_get_data(fit, image, &kernel->data, &kernel->bytes) ||
		fit_image_get_load(fit, image, &kernel->load) || fit_image_get_entry(fit, image, &kernel->entry))
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "no data, load or entry");
	if (!in_window(&map->kernel_window, kernel->load, kernel->bytes) || kernel->entry < kernel->load ||
		kernel->entry - kernel->load >= kernel->bytes || kernel->entry % 4)
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "load or entry outside the board's window");
	return ACCEPTED;
}

static struct refusal image_describe(const void *fit, u32 bytes, int conf, struct ota_image *image)
{
	int counter_len = 0, version_len = 0;
	const fdt32_t *counter = fdt_getprop(fit, conf, "security-counter", &counter_len);
	const fdt32_t *version = fdt_getprop(fit, conf, "skerry,version", &version_len);

	if (!counter || counter_len != sizeof(*counter))
		return refuse(OTA_CAUSE_IMAGE_MALFORMED, "no security-counter of one cell");
	image->counter = fdt32_to_cpu(*counter);
	for (int i = 0; version && version_len == 3 * sizeof(*version) && i < 3; i++)
		image->version[i] = fdt32_to_cpu(version[i]);
	image->bytes = bytes;
	sha256_csum_wd(fit, bytes, image->digest, SZ_64K);
	return ACCEPTED;
}

static struct refusal fit_examine(const struct skerry_map *map, struct blk_desc *disk, unsigned slot,
	struct ota_image *image, struct skerry_kernel *kernel)
{
	const void *fit = (const void *)(uintptr_t)map->fit_staging.start;
	struct refusal refusal;
	u32 bytes = 0;
	int conf = -1, kernel_node = -1;

	refusal = fit_read(map, disk, slot, &bytes);
	if (refusal.cause == OTA_CAUSE_NONE)
		refusal = fit_verify(fit, bytes, &conf, &kernel_node);
	if (refusal.cause == OTA_CAUSE_NONE)
		refusal = kernel_find(map, fit, kernel_node, kernel);
	if (refusal.cause == OTA_CAUSE_NONE)
		refusal = image_describe(fit, bytes, conf, image);
	return refusal;
}

static bool mark_read(const struct skerry_map *map, struct blk_desc *disk, unsigned slot, struct ota_confirm_mark *mark)
{
	u8 sector[SECTOR_BYTES];

	if (!skerry_disk_read(disk, map->slot[slot].start + map->slot[slot].size - 1, 1, sector))
		return !ota_confirm_mark_decode(sector, mark);
	printf("\nboot: slot=%c mark cannot be read", 'a' + slot);
	return false;
}

void skerry_slot_examine(const struct skerry_map *map, struct blk_desc *disk, unsigned slot, struct ota_slot_seen *seen,
	struct skerry_kernel *kernel)
{
	struct ota_image *image = &seen->image;
	struct refusal refusal;

	/* U-Boot's verifier prints what it checks, without a line of its own. */
	printf("boot: slot=%c check ", 'a' + slot);
	refusal = fit_examine(map, disk, slot, image, kernel);
	if (refusal.cause != OTA_CAUSE_NONE) {
		printf("\nboot: slot=%c verdict=refused cause=%s why=\"%s\"\n", 'a' + slot,
			ota_cause_name(refusal.cause), refusal.why);
		seen->view = OTA_VIEW_REFUSED;
		seen->cause = refusal.cause;
		return;
	}
	seen->has_mark = mark_read(map, disk, slot, &seen->mark);
	seen->view = OTA_VIEW_VERIFIED;
	printf("\nboot: slot=%c verdict=ok version=%u.%u.%u counter=%u bytes=%u digest=%08x\n", 'a' + slot,
		image->version[0], image->version[1], image->version[2], image->counter, image->bytes,
		get_unaligned_be32(image->digest));
}
