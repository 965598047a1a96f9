/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of the database as of one moment, made by a thread with a connection of its own: the main loop goes on. The thread reads one snapshot; what is
 * written meanwhile stays in the database's log (fleet.db-wal), which can begin anew only when the copy is done, and grows until then.
 */
#ifndef SKERRYD_COPIER_H
#define SKERRYD_COPIER_H

#include "skerryd/store.h"

struct copier;

/* Begin to copy the database `from` to the file `to`, which must not be there. `event_fd`, an eventfd, gets a word when it is over. 0 or -1. */
int copier_start(
	const char *from, const char *to, int event_fd, struct copier **copier, struct fleet_error *error) STORE_CHECK;
/* It is over, well or not. */
bool copier_is_done(const struct copier *copier);
/* Why it failed: 0: it did not. *is_full: for want of space. Only when it is done. */
int copier_result(const struct copier *copier, bool *is_full, struct fleet_error *error) STORE_CHECK;
/* Ends the thread, also in its middle, within milliseconds. The file is the caller's to remove. NULL is fine. */
void copier_free(struct copier *copier);

#endif
