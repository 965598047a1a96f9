/* SPDX-License-Identifier: Apache-2.0 */
#include "boot.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "ota/verify.h"

#define FIT_HEAD_BYTES 8 /* magic and totalsize */

struct sim_map sim_map_of(uint32_t slot_sectors)
{
	struct sim_map map = {.boot_record_lba = {0, 8},
		.state = {16, 64},
		.trust = {80, 64},
		.provision = {144, 128},
		.slot = {{272, slot_sectors}, {272 + slot_sectors, slot_sectors}}};

	map.sectors = 272 + 2 * slot_sectors;
	return map;
}

/* ---- the record ---- */

struct copies {
	struct sim_flash *flash;
	const struct sim_map *map;
};

static int copy_read(void *ctx, unsigned copy, uint8_t sector[OTA_BOOTREC_BYTES])
{
	const struct copies *copies = ctx;

	return sim_flash_read(copies->flash, copies->map->boot_record_lba[copy], sector, 1);
}

static int copy_write(void *ctx, unsigned copy, const uint8_t sector[OTA_BOOTREC_BYTES])
{
	const struct copies *copies = ctx;

	return sim_flash_write(copies->flash, copies->map->boot_record_lba[copy], sector, 1);
}

static int copies_flush(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct ota_bootrec_ops ops = {copy_read, copy_write, copies_flush};

/* ---- a slot ---- */

static bool u32s_read(const void *fit, int node, const char *name, uint32_t *out, int count)
{
	int len;
	const fdt32_t *cells = fdt_getprop(fit, node, name, &len);

	if (!cells || len != count * (int)sizeof(*cells))
		return false;
	for (int i = 0; i < count; i++)
		out[i] = fdt32_to_cpu(cells[i]);
	return true;
}

static bool fit_read(const uint8_t *fit, uint32_t bytes, struct ota_image *image)
{
	int node;

	if (fdt_check_full(fit, bytes) != 0)
		return false;
	node = fdt_path_offset(fit, "/configurations/conf");
	if (node < 0 || !u32s_read(fit, node, "security-counter", &image->counter, 1) ||
		!u32s_read(fit, node, "skerry,version", image->version, 3))
		return false;
	image->bytes = bytes;
	ota_sha256(fit, bytes, image->digest);
	return true;
}

static bool image_read(const struct sim_flash *flash, const struct ota_range *slot, struct ota_image *image)
{
	uint8_t head[SIM_SECTOR], *fit;
	uint32_t bytes, sectors;
	bool whole = false;

	if (sim_flash_read(flash, slot->lba, head, 1) != 0 || fdt_magic(head) != FDT_MAGIC)
		return false;
	bytes = fdt_totalsize(head);
	sectors = bytes / SIM_SECTOR + 1;
	if (bytes < FIT_HEAD_BYTES || bytes > (slot->sectors - 1) * SIM_SECTOR)
		return false;
	fit = malloc((size_t)sectors * SIM_SECTOR);
	if (fit && sim_flash_read(flash, slot->lba, fit, sectors) == 0)
		whole = fit_read(fit, bytes, image);
	free(fit);
	return whole;
}

static void examine(const struct copies *copies, unsigned slot, struct ota_slot_seen *seen)
{
	const struct ota_range *range = &copies->map->slot[slot];
	uint8_t sector[SIM_SECTOR];

	*seen = (struct ota_slot_seen){.view = OTA_VIEW_REFUSED, .cause = OTA_CAUSE_IMAGE_MALFORMED};
	if (!image_read(copies->flash, range, &seen->image))
		return;
	seen->view = OTA_VIEW_VERIFIED;
	seen->cause = OTA_CAUSE_NONE;
	seen->has_mark = sim_flash_read(copies->flash, range->lba + range->sectors - 1, sector, 1) == 0 &&
			 ota_confirm_mark_decode(sector, &seen->mark) == 0;
}

struct sim_start sim_boot_start(struct sim_flash *flash, const struct sim_map *map, enum ota_cause reset_cause)
{
	struct copies copies = {flash, map};
	struct ota_slot_seen seen[OTA_BOOTREC_SLOTS] = {{0}};
	struct sim_start start = {.slot = OTA_SLOT_NONE};
	struct ota_boot_plan plan;
	struct ota_bootrec record;

	if (ota_bootrec_load(&ops, &copies, &record) != 0) {
		examine(&copies, 0, &seen[0]);
		examine(&copies, 1, &seen[1]);
		ota_bootrec_recover(&record, seen);
	}
	ota_bootrec_begin(&record, reset_cause);
	while ((plan = ota_bootrec_plan(&record, seen)).step == OTA_BOOT_EXAMINE)
		examine(&copies, plan.slot, &seen[plan.slot]);
	if (plan.step == OTA_BOOT_NOTHING)
		return start;
	ota_bootrec_start(&record, seen, &plan);
	if (ota_bootrec_commit(&ops, &copies, &record) != 0)
		return start;
	return (struct sim_start){
		.slot = plan.slot, .mode = plan.mode, .boots = record.boots, .image = seen[plan.slot].image};
}
