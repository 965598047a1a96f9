/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps telemetry, log lines and crash records of the whole fleet within the bounds of skerryd.conf: the oldest go, whichever device's they are. */
#ifndef SKERRYD_KEPT_H
#define SKERRYD_KEPT_H

#include "skerryd/skerryd.h"

/* Every tenth of a second or so: drops what is too much, for some ms; a group of its own. True: there is more, call it again at once. */
bool kept_turn(struct skerryd *server) STORE_CHECK;

#endif
