/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that skerryd knows as one file, a tar archive: `fleet.db`, a copy of the database as of one moment (with keysets, manifests, audit log), then
 * `artifacts/<digest>.fit` of each payload. No private key, certificate or configuration is in it: those are files of the home.
 */
#ifndef SKERRYD_BACKUP_H
#define SKERRYD_BACKUP_H

#include "skerryd/skerryd.h"
#include "skerryd/tar.h"

struct backup;

/* At start and end of skerryd. Removes what a skerryd that was killed left of a copy. 0 or -1. */
int backup_start(struct skerryd *server, struct fleet_error *error) STORE_CHECK;
void backup_stop(struct skerryd *server);
/* When backup_fd() is readable: a copy is done; wakes who waits for CHANGED_BACKUP. */
int backup_fd(const struct skerryd *server);
void backup_run(struct skerryd *server);

/* One at a time is copied: another has to wait. */
bool backup_is_busy(const struct skerryd *server);
/* Begin to copy the database, in a thread (copier.h). Unless one is busy. 0 or -1. */
int backup_open(struct skerryd *server, struct backup **backup, struct fleet_error *error) STORE_CHECK;
bool backup_is_copying(const struct backup *backup);
/* The copy is done: note which payloads belong to it. 0; -1 with *error, *is_full: for want of space. */
int backup_finish(struct backup *backup, bool *is_full, struct fleet_error *error) STORE_CHECK;
/* Of the whole archive. */
uint64_t backup_bytes(const struct backup *backup);
/* The archive's bytes from `off` on, which goes up without gaps, into out[max]: how many; 0: the end; -1: a file is gone. */
long backup_read(struct backup *backup, uint64_t off, char *out, size_t max);
/* At any time: a copy that is under way ends, and nothing stays of it. NULL is fine. */
void backup_close(struct backup *backup);

/* Put the archive `path` in place of what the home has, whose database stays beside it as fleet.db.before-restore. skerryd must not run. 0 or -1: nothing changed. */
int backup_restore(const struct home *home, const char *path, struct fleet_error *error) STORE_CHECK;

#endif
