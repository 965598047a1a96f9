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

/* Copy the database, note which payloads belong to it. The main loop stands still meanwhile, about a second for 100 MB. 0 or -1. */
int backup_open(struct skerryd *server, struct backup **backup, struct fleet_error *error) STORE_CHECK;
/* Of the whole archive. */
uint64_t backup_bytes(const struct backup *backup);
/* The archive's bytes from `off` on, which goes up without gaps, into out[max]: how many; 0: the end; -1: a file is gone. */
long backup_read(struct backup *backup, uint64_t off, char *out, size_t max);
void backup_close(struct backup *backup);

/* Put the archive `path` in place of what the home has, whose database stays beside it as fleet.db.before-restore. skerryd must not run. 0 or -1: nothing changed. */
int backup_restore(const struct home *home, const char *path, struct fleet_error *error) STORE_CHECK;

#endif
