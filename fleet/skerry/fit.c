/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/fit.h"

#include <libfdt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ota/verify.h"
#include "shared/text.h"

static int malformed(struct fleet_error *error, const char *name, const char *why)
{
	return fleet_fail(error, "make it with `skerry image build`", "'%s' is not an image of ours: %s", name, why);
}

/* Property of `count` cells. */
static bool get_cells(const void *fdt, int node, const char *property, uint32_t *out, int count)
{
	int len = 0;
	const fdt32_t *cells = fdt_getprop(fdt, node, property, &len);
	if (!cells || len != 4 * count)
		return false;
	for (int i = 0; i < count; i++)
		out[i] = fdt32_ld(&cells[i]);
	return true;
}

/* Property that is one string and a name of ours. */
static bool get_name(const void *fdt, int node, const char *property, char out[33])
{
	int len = 0;
	const char *text = fdt_getprop(fdt, node, property, &len);
	if (!text || len < 2 || len > 33 || memchr(text, 0, (size_t)len) != text + len - 1 || !text_is_name(text))
		return false;
	memcpy(out, text, (size_t)len);
	return true;
}

static int read_kernel(const char *name, const void *fdt, struct fit_info *info, struct fleet_error *error)
{
	int kernel = fdt_path_offset(fdt, "/images/kernel"), len = 0, hash_len = 0;
	int hash = fdt_path_offset(fdt, "/images/kernel/hash-1");
	uint8_t digest[OTA_SHA256_BYTES];
	const void *data = kernel < 0 ? NULL : fdt_getprop(fdt, kernel, "data", &len);
	if (!data || len <= 0)
		return malformed(error, name, "no kernel inside");
	if (!get_cells(fdt, kernel, "load", &info->load, 1) || !get_cells(fdt, kernel, "entry", &info->entry, 1))
		return malformed(error, name, "the kernel has no load or entry address");
	const void *stored = hash < 0 ? NULL : fdt_getprop(fdt, hash, "value", &hash_len);
	ota_sha256(data, (size_t)len, digest);
	if (!stored || hash_len != OTA_SHA256_BYTES || memcmp(stored, digest, sizeof digest) != 0)
		return fleet_fail(error, "build the image again; do not deliver this one",
			"'%s': the kernel does not match its hash", name);
	info->kernel_bytes = (uint32_t)len;
	return 0;
}

static int read_configuration(const char *name, const void *fdt, struct fit_info *info, struct fleet_error *error)
{
	int conf = fdt_path_offset(fdt, "/configurations/conf");
	int signature = fdt_path_offset(fdt, "/configurations/conf/signature-1");
	if (conf < 0)
		return malformed(error, name, "no configuration 'conf'");
	if (!get_cells(fdt, conf, "security-counter", &info->counter, 1) ||
		!get_cells(fdt, conf, "skerry,version", info->version, 3))
		return malformed(error, name, "no security-counter or skerry,version in its configuration");
	if (!get_name(fdt, conf, "skerry,board", info->board) || !get_name(fdt, conf, "skerry,app", info->app))
		return malformed(error, name, "no skerry,board or skerry,app in its configuration");
	if (signature < 0 || !fdt_getprop(fdt, signature, "value", NULL) ||
		!get_name(fdt, signature, "key-name-hint", info->key))
		info->key[0] = 0;
	return 0;
}

int fit_read(const char *name, const struct file_bytes *fit, struct fit_info *info, struct fleet_error *error)
{
	*info = (struct fit_info){0};
	if (fit->len < sizeof(struct fdt_header) || fdt_check_full(fit->data, fit->len) != 0)
		return malformed(error, name, "no flattened image tree, or a damaged one");
	if (fdt_totalsize(fit->data) != fit->len)
		return malformed(error, name, "bytes follow after its end");
	if (read_kernel(name, fit->data, info, error) < 0 || read_configuration(name, fit->data, info, error) < 0)
		return -1;
	ota_sha256(fit->data, fit->len, info->digest);
	return 0;
}
