/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/bootinfo.h"

#include <libfdt.h>
#include <string.h>

#include "fdt_priv.h"
#include "image.h"
#include "kernel/log.h"

#define NOTE_HEADER_BYTES 16 /* three words and "GNU\0" */
#define BUILD_ID_BYTES    20

static struct bootinfo info;

const struct bootinfo *bootinfo(void)
{
	return &info;
}

/* `count` cells of property `name`; missing or short reads as zero. */
static void cells_get(const void *fdt, int node, const char *name, uint32_t *cells, int count)
{
	int len;
	const fdt32_t *prop = fdt_getprop(fdt, node, name, &len);

	for (int i = 0; i < count; i++)
		cells[i] = prop && len >= 4 * count ? fdt32_ld(&prop[i]) : 0;
}

static uint32_t cell_get(const void *fdt, int node, const char *name)
{
	uint32_t cell;

	cells_get(fdt, node, name, &cell, 1);
	return cell;
}

static uint64_t cell64_get(const void *fdt, int node, const char *name)
{
	uint32_t cells[2];

	cells_get(fdt, node, name, cells, 2);
	return (uint64_t)cells[0] << 32 | cells[1];
}

static struct flash_range range_get(const void *fdt, int node, const char *name)
{
	uint32_t cells[2];

	cells_get(fdt, node, name, cells, 2);
	return (struct flash_range){.lba = cells[0], .sectors = cells[1]};
}

static bool text_is(const void *fdt, int node, const char *name, const char *value)
{
	const char *text = fdt_stringlist_get(fdt, node, name, 0, NULL);

	return text && strcmp(text, value) == 0;
}

static enum boot_mode mode_get(const void *fdt, int node)
{
	if (text_is(fdt, node, "mode", "safe"))
		return BOOT_SAFE;
	return text_is(fdt, node, "mode", "trial") ? BOOT_TRIAL : BOOT_NORMAL;
}

static void ranges_get(const void *fdt, int node)
{
	cells_get(fdt, node, "boot-record", info.boot_record_lba, 2);
	info.crash = range_get(fdt, node, "crash");
	info.state = range_get(fdt, node, "state");
	info.trust = range_get(fdt, node, "trust");
	info.identity = range_get(fdt, node, "identity");
	info.provision = range_get(fdt, node, "provision");
	info.kv = range_get(fdt, node, "kv");
	info.slot[0] = range_get(fdt, node, "slot-a");
	info.slot[1] = range_get(fdt, node, "slot-b");
}

/* The tree is others' work: only what is text, and whole. */
static void serial_get(const void *fdt)
{
	int len, text;
	const char *serial = fdt_getprop(fdt, 0, "serial-number", &len);

	if (!serial || len < 2 || len > (int)sizeof(info.serial) || serial[len - 1] != '\0')
		return;
	for (text = 0; serial[text] >= ' ' && serial[text] <= '~'; text++)
		;
	if (text == len - 1)
		memcpy(info.serial, serial, (size_t)len);
}

void bootinfo_read(const struct fdt_tree *tree, uint64_t entry_ticks)
{
	static const char *const modes[] = {[BOOT_NORMAL] = "normal", [BOOT_TRIAL] = "trial", [BOOT_SAFE] = "safe"};
	const void *fdt = tree->fdt;
	int node = tree->skerry, len;
	const uint8_t *digest;

	info.kernel_entry_ticks = entry_ticks;
	serial_get(fdt);
	if (node < 0)
		return;
	info.present = true;
	ranges_get(fdt, node);
	info.slot_index = text_is(fdt, node, "slot", "b");
	info.mode = mode_get(fdt, node);
	digest = fdt_getprop(fdt, node, "digest", &len);
	if (digest && len == (int)sizeof(info.digest))
		memcpy(info.digest, digest, sizeof(info.digest));
	info.image_bytes = cell_get(fdt, node, "image-bytes");
	info.security_counter = cell_get(fdt, node, "security-counter");
	cells_get(fdt, node, "version", info.version, 3);
	info.boots = cell_get(fdt, node, "boots");
	info.starts = cell_get(fdt, node, "starts");
	info.cause = cell_get(fdt, node, "cause");
	info.uboot_entry_ticks = cell64_get(fdt, node, "uboot-entry-ticks");
	info.uboot_exit_ticks = cell64_get(fdt, node, "uboot-exit-ticks");
	log_line(LOG_INFO, "boot: slot=%c mode=%s boots=%u starts=%u counter=%u", 'a' + info.slot_index,
		modes[info.mode], info.boots, info.starts, info.security_counter);
}

const char *build_id_hex(void)
{
	static char hex[2 * BUILD_ID_BYTES + 1];
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < BUILD_ID_BYTES; i++) {
		uint8_t byte = build_id_note[NOTE_HEADER_BYTES + i];

		hex[2 * i] = digits[byte >> 4];
		hex[2 * i + 1] = digits[byte & 0xf];
	}
	return hex;
}
