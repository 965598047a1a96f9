/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes out of the inbox: messages that wait together are one group of changes, of which the answers go out after its commit. Everything in them is
 * untrusted; what one device sends touches its own rows only.
 */
#ifndef SKERRYD_LINK_H
#define SKERRYD_LINK_H

#include "skerryd/inbox.h"
#include "skerryd/skerryd.h"

#define LINK_BATCH 128 /* messages in one group; then the HTTP side has its turn */

/* One, in a group of its own. Borrowed. */
void link_take(struct skerryd *server, const struct inbox_item *item);
/* What has come so far, at most LINK_BATCH. */
void link_take_all(struct skerryd *server, struct inbox *inbox);

#endif
