/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files, in and out. A file written here is there whole or not at all, also after a power cut: it is made under a temporary name in the
 * same folder, synced, renamed, and the folder synced. All return 0 or -1 with *error filled in.
 */
#ifndef SHARED_FILE_H
#define SHARED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/error.h"

struct file_bytes {
	uint8_t *data; /* owned; one NUL follows the last byte, so that text can be used as a string */
	size_t len;
};

/* Read `path` whole; a file longer than `max` bytes is an error. Free with file_bytes_free(). */
int file_read(const char *path, size_t max, struct file_bytes *out, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Also wipes: the bytes may be a key. Harmless on a zeroed struct. */
void file_bytes_free(struct file_bytes *bytes);

/* Replace or make `path` with data[len], mode `mode`. Durable on return. */
int file_write(const char *path, const void *data, size_t len, mode_t mode, struct fleet_error *error)
	__attribute__((warn_unused_result));

/* A file that is filled piece by piece and appears under its name only with file_draft_commit(). */
struct file_draft {
	int fd; /* -1: none open */
	char *path, *temp;
};
int file_draft_open(struct file_draft *draft, const char *path, mode_t mode, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* data[len] at byte `off`; a gap reads as zero. */
int file_draft_write(struct file_draft *draft, uint64_t off, const void *data, size_t len, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Sync, rename, sync the folder; releases the draft, also when it fails (then nothing stays). */
int file_draft_commit(struct file_draft *draft, struct fleet_error *error) __attribute__((warn_unused_result));
/* Forget it; nothing stays. Harmless after commit and on a draft whose fd is -1. */
void file_draft_drop(struct file_draft *draft);

/* Make the folder and its parents; one that is there already is fine. */
int file_make_dirs(const char *path, mode_t mode, struct fleet_error *error) __attribute__((warn_unused_result));
/* Remove a folder with everything in it. Best effort: for clearing up after a failure. */
void file_remove_tree(const char *path);
bool file_exists(const char *path);

#endif
