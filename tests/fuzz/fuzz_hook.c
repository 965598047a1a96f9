/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot hook's own reading of what it did not write: a slot's content, taken for rightly signed, and the device tree that the firmware leaves for the
 * kernel. U-Boot's verifier is left out (fit_config_verify() says what the input says): this is about what the hook makes of a FIT
 * that was verified, and of one that was not.
 *
 * First byte of the input: bit 0: a device tree follows; else a slot; bits 1, 2: signature, hash do not hold; bit 3: the disk fails at its second read.
 */
#include <errno.h>
#include <mbedtls/sha256.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "hook.h"
#include "uboot.h"

/* Below 4 GiB, as on a board; nothing is mapped behind either. */
#define STAGING       0x41000000u
#define STAGING_BYTES 0x10000u
#define KERNEL_FDT    0x42000000u
#define WINDOW        0x40200000u
#define WINDOW_BYTES  0x8000u
#define FDT_BYTES     0x10000u

static struct global_data global;
struct global_data *gd = &global;
static uint8_t control[1024];
static uint8_t flags;
static unsigned reads;

/* ---- U-Boot ---- */

int fit_check_format(const void *fit, size_t size)
{
	return fdt_check_full(fit, size);
}

int fit_conf_get_node(const void *fit, const char *name)
{
	int configurations = fdt_path_offset(fit, "/configurations");

	return configurations < 0 ? configurations : fdt_subnode_offset(fit, configurations, name);
}

int fit_conf_get_prop_node(const void *fit, int conf, const char *prop, int phase)
{
	int images = fdt_path_offset(fit, "/images"), len = 0;
	const char *name = fdt_getprop(fit, conf, prop, &len);

	(void)phase;
	if (images < 0 || !name || len < 1 || name[len - 1] != '\0')
		return -ENOENT;
	return fdt_subnode_offset(fit, images, name);
}

int fit_config_verify(const void *fit, int conf)
{
	(void)fit;
	FUZZ_MUST(conf > 0);
	return flags & 2 ? -EPERM : 0;
}

int fit_image_verify(const void *fit, int image)
{
	(void)fit;
	FUZZ_MUST(image > 0);
	return !(flags & 4);
}

static bool text_is(const void *fit, int node, const char *name, const char *text)
{
	int len = 0;
	const char *value = fdt_getprop(fit, node, name, &len);

	return value && len == (int)strlen(text) + 1 && strcmp(value, text) == 0;
}

int fit_image_check_type(const void *fit, int image, u8 type)
{
	return type == IH_TYPE_KERNEL && text_is(fit, image, "type", "kernel");
}

int fit_image_get_arch(const void *fit, int image, u8 *arch)
{
	*arch = text_is(fit, image, "arch", "arm64") ? IH_ARCH_ARM64 : 2;
	return fdt_getprop(fit, image, "arch", NULL) ? 0 : -ENOENT;
}

int fit_image_get_comp(const void *fit, int image, u8 *comp)
{
	*comp = text_is(fit, image, "compression", "none") ? IH_COMP_NONE : 1;
	return fdt_getprop(fit, image, "compression", NULL) ? 0 : -ENOENT;
}

int fit_image_get_data(const void *fit, int image, const void **data, size_t *bytes)
{
	int len = 0;

	*data = fdt_getprop(fit, image, "data", &len);
	*bytes = *data ? (size_t)len : 0;
	return *data ? 0 : -ENOENT;
}

/* One cell or two. */
static int address_get(const void *fit, int image, const char *name, ulong *address)
{
	int len = 0;
	const fdt32_t *cells = fdt_getprop(fit, image, name, &len);

	if (!cells || (len != 4 && len != 8))
		return -ENOENT;
	*address = fdt32_ld(cells);
	if (len == 8)
		*address = *address << 32 | fdt32_ld(cells + 1);
	return 0;
}

int fit_image_get_load(const void *fit, int image, ulong *load)
{
	return address_get(fit, image, "load", load);
}

int fit_image_get_entry(const void *fit, int image, ulong *entry)
{
	return address_get(fit, image, "entry", entry);
}

void sha256_csum_wd(const void *data, unsigned int len, u8 *digest, unsigned int chunk)
{
	(void)chunk;
	FUZZ_MUST(mbedtls_sha256(data, len, digest, 0) == 0);
}

void flush_cache(ulong start, ulong bytes)
{
	FUZZ_MUST(!"the hook jumps, unasked" || start == bytes);
}

int dm_remove_devices_active(void)
{
	abort();
}

int cleanup_before_linux(void)
{
	abort();
}

u64 get_ticks(void)
{
	return 7;
}

int skerry_disk_read(struct blk_desc *disk, u32 lba, u32 sectors, void *buf)
{
	FUZZ_MUST((uintptr_t)buf != STAGING || sectors <= STAGING_BYTES / 512);
	if (reads++ == 1 && flags & 8)
		return -EIO;
	for (u32 i = 0; i < sectors; i++, buf = (u8 *)buf + 512) {
		size_t at = (size_t)(lba + i) * 512, left = at < disk->sectors ? disk->sectors - at : 0;

		memset(buf, 0, 512);
		memcpy(buf, disk->data + (left ? at : 0), left < 512 ? left : 512);
	}
	return 0;
}

/* ---- the board's map ---- */

static void cells_put(void *fdt, const char *name, u32 first, u32 second)
{
	fdt32_t cells[2] = {cpu_to_fdt32(first), cpu_to_fdt32(second)};

	FUZZ_MUST(fdt_property(fdt, name, cells, sizeof(cells)) == 0);
}

static void map_make(struct skerry_map *map)
{
	if (!gd->fdt_blob) {
		FUZZ_MUST(mmap((void *)(uintptr_t)STAGING, STAGING_BYTES, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED);
		FUZZ_MUST(mmap((void *)(uintptr_t)KERNEL_FDT, FDT_BYTES, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED);
		FUZZ_MUST(fdt_create(control, sizeof(control)) == 0 && fdt_finish_reservemap(control) == 0);
		FUZZ_MUST(fdt_begin_node(control, "") == 0 && fdt_begin_node(control, "skerry") == 0);
		cells_put(control, "boot-record", 0, 8);
		cells_put(control, "slot-a", 0, 64);
		cells_put(control, "slot-b", 64, 64);
		cells_put(control, "kernel-window", WINDOW, WINDOW_BYTES);
		cells_put(control, "fit-staging", STAGING, STAGING_BYTES);
		cells_put(control, "kernel-fdt", KERNEL_FDT, FDT_BYTES);
		FUZZ_MUST(fdt_end_node(control) == 0 && fdt_end_node(control) == 0 && fdt_finish(control) == 0);
		gd->fdt_blob = control;
		gd->ram_base = 0x40000000;
		gd->start_addr_sp = 0x47f00000;
		FUZZ_MUST(freopen("/dev/null", "w", stdout));
	}
	FUZZ_MUST(skerry_map_read(map) == 0 && !skerry_key_is_required());
}

/* ---- what must hold ---- */

static void slot_check(const struct skerry_map *map, const struct fuzz_in *in)
{
	struct blk_desc disk = {in->at, in->left};
	struct ota_slot_seen seen = {0};
	struct skerry_kernel kernel = {0};
	const u8 *data;
	u8 digest[32];

	skerry_slot_examine(map, &disk, 0, &seen, &kernel);
	FUZZ_MUST(seen.view == OTA_VIEW_VERIFIED || seen.view == OTA_VIEW_REFUSED);
	FUZZ_MUST((seen.view == OTA_VIEW_REFUSED) == (seen.cause != OTA_CAUSE_NONE));
	if (seen.view == OTA_VIEW_REFUSED)
		return;
	FUZZ_MUST(!(flags & 6));
	data = kernel.data;
	FUZZ_MUST(seen.image.bytes <= 63 * 512 && seen.image.bytes == fdt_totalsize((void *)(uintptr_t)STAGING));
	FUZZ_MUST((uintptr_t)data >= STAGING && (uintptr_t)data + kernel.bytes <= STAGING + seen.image.bytes);
	FUZZ_MUST(kernel.load >= WINDOW && kernel.load + kernel.bytes <= WINDOW + WINDOW_BYTES);
	FUZZ_MUST(kernel.entry >= kernel.load && kernel.entry < kernel.load + kernel.bytes && kernel.entry % 4 == 0);
	sha256_csum_wd((void *)(uintptr_t)STAGING, seen.image.bytes, digest, SZ_64K);
	FUZZ_MUST(memcmp(digest, seen.image.digest, sizeof(digest)) == 0);
}

static void tree_check(const struct skerry_map *map, const struct fuzz_in *in)
{
	void *fdt = (void *)(uintptr_t)KERNEL_FDT;
	const struct ota_boot_plan plan = {.step = OTA_BOOT_START, .slot = OTA_SLOT_B, .mode = OTA_MODE_TRIAL};
	const struct ota_image image = {.counter = 3, .bytes = 5};
	struct ota_bootrec record = {.boots = 9};
	const struct skerry_handoff handoff = {&record, &plan, &image, 5};
	int node, len = 0;

	if (in->left > FDT_BYTES)
		return;
	memset(fdt, 0, FDT_BYTES);
	memcpy(fdt, in->at, in->left);
	if (skerry_handoff_open(map) != 0 || skerry_handoff_write(map, &handoff) != 0)
		return;
	FUZZ_MUST(fdt_check_header(fdt) == 0 && fdt_totalsize(fdt) <= FDT_BYTES);
	node = fdt_path_offset(fdt, "/chosen/skerry");
	FUZZ_MUST(node < 0 || text_is(fdt, node, "slot", "b"));
	FUZZ_MUST(node < 0 || (fdt_getprop(fdt, node, "digest", &len) && len == 32));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	struct skerry_map map;

	map_make(&map);
	flags = fuzz_u8(&in);
	reads = 0;
	if (flags & 1)
		tree_check(&map, &in);
	else
		slot_check(&map, &in);
	return 0;
}
