/* SPDX-License-Identifier: Apache-2.0 */
/* Plain files in a ustar archive (POSIX.1-1988): what any `tar` reads. */
#ifndef SKERRYD_TAR_H
#define SKERRYD_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK    512
#define TAR_NAME_MAX 99
#define TAR_END      (2 * TAR_BLOCK) /* zeros behind the last file */

struct tar_entry {
	char name[TAR_NAME_MAX + 1]; /* relative, of one or more segments */
	uint64_t bytes;
};

/* How many zeros follow `bytes` of content. */
size_t tar_padding(uint64_t bytes);
void tar_write_header(const struct tar_entry *entry, int64_t time, uint8_t header[TAR_BLOCK]);
/* False: not a header of ours: checksum, a name that leads out of the folder, a link or folder. A block of zeros: *end. */
bool tar_read_header(const uint8_t header[TAR_BLOCK], struct tar_entry *entry, bool *end);

#endif
