/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Home Assistant sees the fleet: MQTT discovery as an option of skerryd.conf (homeassistant = yes). What changed is noted while it happens and published
 * from the main loop, from what the database then says. homeassistant_config.h has the topics.
 */
#ifndef SKERRYD_HOMEASSISTANT_H
#define SKERRYD_HOMEASSISTANT_H

#include "skerryd/inbox.h"
#include "skerryd/skerryd.h"

/* Something about the device changed; NULL: about all of them. */
void homeassistant_touch(struct skerryd *server, const char *device);
void homeassistant_on_event(struct skerryd *server, const struct store_event *event);
void homeassistant_on_telemetry(struct skerryd *server, const char *device, const char *name, const json_t *value);
/* The broker is reached: everything is told anew. */
void homeassistant_on_connected(struct skerryd *server);
/* A message of Home Assistant: taken. Outside a group. */
bool homeassistant_take(struct skerryd *server, const struct inbox_item *item);
/* Publishes some of what changed. */
void homeassistant_tick(struct skerryd *server);
void homeassistant_stop(struct skerryd *server);

#endif
