/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of U-Boot's interfaces as the hook's slot.c, control.c and handoff.c use, so that they can be fuzzed on a host: declared here, made by
 * fuzz_hook.c. The headers beside this one are the names that those files include.
 */
#ifndef TESTS_FUZZ_UBOOT_H
#define TESTS_FUZZ_UBOOT_H

#include <libfdt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define __noreturn             __attribute__((noreturn))
#define min(a, b)              ((a) < (b) ? (a) : (b))
#define DIV_ROUND_UP(n, d)     (((n) + (d)-1) / (d))
#define roundup(n, d)          (DIV_ROUND_UP(n, d) * (d))
#define rounddown(n, d)        ((n) - (n) % (d))
#define ARCH_DMA_MINALIGN      64
#define SZ_64K                 0x10000
#define FIT_DATA_OFFSET_PROP   "data-offset"
#define FIT_DATA_POSITION_PROP "data-position"
#define FIT_DATA_SIZE_PROP     "data-size"
#define FIT_KERNEL_PROP        "kernel"
#define FIT_KEY_REQUIRED       "required"
#define FIT_SIG_NODENAME       "signature"

enum { IH_PHASE_NONE };
enum { IH_TYPE_KERNEL = 2 };
enum { IH_ARCH_INVALID = 0, IH_ARCH_ARM64 = 22 };
enum { IH_COMP_NONE = 0, IH_COMP_COUNT = 7 };

struct global_data {
	const void *fdt_blob;
	ulong ram_base, start_addr_sp;
};
extern struct global_data *gd;
#define DECLARE_GLOBAL_DATA_PTR struct uboot_semicolon

struct blk_desc {
	const u8 *data;
	size_t sectors;
};

int fit_check_format(const void *fit, size_t size);
int fit_conf_get_node(const void *fit, const char *name);
int fit_conf_get_prop_node(const void *fit, int conf, const char *prop, int phase);
int fit_config_verify(const void *fit, int conf);
int fit_image_verify(const void *fit, int image);
int fit_image_check_type(const void *fit, int image, u8 type);
int fit_image_get_arch(const void *fit, int image, u8 *arch);
int fit_image_get_comp(const void *fit, int image, u8 *comp);
int fit_image_get_data(const void *fit, int image, const void **data, size_t *bytes);
int fit_image_get_load(const void *fit, int image, ulong *load);
int fit_image_get_entry(const void *fit, int image, ulong *entry);
void sha256_csum_wd(const void *data, unsigned int len, u8 *digest, unsigned int chunk);
void flush_cache(ulong start, ulong bytes);
int dm_remove_devices_active(void);
int cleanup_before_linux(void);
u64 get_ticks(void);

static inline u32 get_unaligned_be32(const void *at)
{
	return fdt32_ld(at);
}

#endif
