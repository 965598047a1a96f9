/* SPDX-License-Identifier: Apache-2.0 */
/* What apps measure (SPEC §8, T/telemetry/<name>): kept in a ring per device and name. */
#ifndef SKERRYD_TELEMETRY_H
#define SKERRYD_TELEMETRY_H

#include "skerryd/skerryd.h"

/* Inside a group: keep a value that message_telemetry() found good. STORE_NONE: of one name too many, not kept. */
int telemetry_take(struct skerryd *server, const char *device, const char *name, const json_t *value) STORE_CHECK;
/* Drops what is too old, now and then; a group of its own. now_ms: note_now_ms(). */
void telemetry_tick(struct skerryd *server, int64_t now_ms);

#endif
