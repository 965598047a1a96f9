/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps telemetry, log lines and crash records of the whole fleet within the bounds of skerryd.conf: the oldest go, whichever device's they are. */
#ifndef SKERRYD_KEPT_H
#define SKERRYD_KEPT_H

#include "skerryd/skerryd.h"

/* At each turn of the main loop: drops what is too much, for some ms; a group of its own. True: there is more, the next turn must not wait. */
bool kept_turn(struct skerryd *server) STORE_CHECK;

#endif
