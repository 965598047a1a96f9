/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of what devices send is kept in all. Each device's share has its own bound; these bound the sum over the fleet, so that it cannot fill the
 * disk. The database counts with each row that comes and goes. As store.h.
 */
#ifndef SKERRYD_STORE_KEPT_H
#define SKERRYD_STORE_KEPT_H

#include "skerryd/store.h"

#define STORE_KEPT_PIECE 50 /* rows dropped in one go: each may be on pages of its own, some ms */

enum store_kept_what { STORE_KEPT_TELEMETRY, STORE_KEPT_LOGS, STORE_KEPT_CRASHES, STORE_KEPT_KINDS };

/* "telemetry", "logs", "crashes". */
extern const char *const store_kept_names[STORE_KEPT_KINDS];

struct store_kept {
	int64_t rows, bytes; /* about what they take in the database, with their part of its indexes */
};
int store_kept_get(struct store *store, enum store_kept_what what, struct store_kept *kept) STORE_CHECK;
/* Drop the oldest rows of whichever device, at most STORE_KEPT_PIECE. *dropped: how many. */
int store_kept_drop(struct store *store, enum store_kept_what what, int64_t *dropped) STORE_CHECK;

#endif
