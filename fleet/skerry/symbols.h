/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of an image as functions and lines: read from the ELF that the image was made from, which is known by its GNU
 * build id. ELFs are looked for where the operator says, in the home's elf/, where `skerry image build` keeps them, and in
 * SKERRY_ELFS (default: the source tree's build).
 */
#ifndef SKERRY_SYMBOLS_H
#define SKERRY_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/home.h"

#define SYMBOLS_ID_MAX 65 /* hex, with NUL */

struct symbols;

/* Open an ELF. 0, or -1: no ELF, or one without a build id. */
int symbols_open(const char *path, struct symbols **symbols, struct fleet_error *error)
	__attribute__((warn_unused_result));
void symbols_close(struct symbols *symbols);
const char *symbols_path(const struct symbols *symbols);
const char *symbols_build_id(const struct symbols *symbols);

struct symbols_place {
	const char *function; /* NULL: none there */
	uint64_t offset;      /* from its beginning */
	const char *file;     /* NULL: not known */
	int line;
};
/* What is at `address`. The texts are the symbols' own. */
void symbols_look_up(const struct symbols *symbols, uint64_t address, struct symbols_place *place);

/*
 * The ELF with this build id: among files[count] (ELFs, or folders of such) if there are any; else in the known places. 0 or -1:
 * the error says what was looked at.
 */
struct symbols_search {
	const char *const *files;
	size_t count;
	const struct home *home;
};
int symbols_find(const struct symbols_search *search, const char *build_id, struct symbols **symbols,
	struct fleet_error *error) __attribute__((warn_unused_result));

/* Keep NAME.elf, if it lies beside the kernel binary NAME.bin, in the home's elf/. Silent where there is none. 0 or -1. */
int symbols_keep(const struct home *home, const char *kernel, struct fleet_error *error)
	__attribute__((warn_unused_result));

#endif
