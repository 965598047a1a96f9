/* SPDX-License-Identifier: Apache-2.0 */
/* The payload (SPEC §3): a FIT, made and signed by U-Boot's mkimage, read here with libfdt. */
#ifndef SKERRY_FIT_H
#define SKERRY_FIT_H

#include <stdint.h>

#include "shared/error.h"
#include "shared/file.h"

#define FIT_BYTES_MAX (64u << 20)

/* What the signed configuration says, and where the kernel goes. */
struct fit_info {
	char app[33], board[33];
	uint32_t version[3], counter;
	uint32_t load, entry;
	uint32_t kernel_bytes;
	uint8_t digest[32]; /* SHA-256 of the whole file */
	char key[33];       /* name of the key that signed; "" = not signed */
};

/*
 * Read fit[len], which must be one whole FIT of SPEC §3 (its totalsize is len). Also recomputes the kernel's hash. `name` is the file's name for messages. 0 or -1.
 * Whether the signature holds is not looked at.
 */
int fit_read(const char *name, const struct file_bytes *fit, struct fit_info *info, struct fleet_error *error)
	__attribute__((warn_unused_result));

struct fit_plan {
	const char *kernel; /* file: a raw binary */
	const char *app, *board, *version;
	uint32_t counter, load;
	const char *keys;    /* folder with boot.key and boot.crt */
	const char *mkimage; /* program, NULL: SKERRY_MKIMAGE, else "mkimage" of PATH */
	const char *out;     /* file to make */
};
/* Make and sign plan->out; it appears whole or not at all. 0 or -1. */
int fit_build(const struct fit_plan *plan, struct fleet_error *error) __attribute__((warn_unused_result));

#endif
