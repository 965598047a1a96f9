/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet over time: once a minute what each tenant has is counted and written down. */
#ifndef SKERRYD_HISTORY_H
#define SKERRYD_HISTORY_H

#include "skerryd/skerryd.h"

#define HISTORY_VERSIONS_MAX 20 /* names in a count of versions; the rest is "other" */

/* Writes a row for each tenant, and one for all together, if this minute has none yet; a group of its own. */
void history_tick(struct skerryd *server);

#endif
