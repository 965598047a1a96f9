/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of the inbox: each message is one group of changes. Everything in it is untrusted; what one device sends touches its own rows only. */
#ifndef SKERRYD_LINK_H
#define SKERRYD_LINK_H

#include "skerryd/inbox.h"
#include "skerryd/skerryd.h"

/* Borrowed. */
void link_take(struct skerryd *server, const struct inbox_item *item);

#endif
