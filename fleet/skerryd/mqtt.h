/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the MQTT broker: mutual TLS, in a thread of its own, so that neither a slow handshake nor a dead name server stops the HTTP side.
 * Kept up for ever: a broker that is gone is tried again after 0.5 s, 1 s … 10 s.
 */
#ifndef SKERRYD_MQTT_H
#define SKERRYD_MQTT_H

#include <stdbool.h>

#include "skerryd/inbox.h"
#include "skerryd/settings.h"

struct mqtt;

/* Check the certificates and start the thread; what arrives goes into `inbox`. Both borrowed. 0 or -1. */
int mqtt_start(const struct settings *settings, struct inbox *inbox, struct mqtt **mqtt, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Say goodbye, end the thread and free. Call inbox_close() before. False: the thread is stuck in the network and still
 * uses the inbox and the settings; the process is to end without freeing them. */
bool mqtt_stop(struct mqtt *mqtt);

/* QoS 1. Nothing while there is no connection: the queue is the database. */
void mqtt_publish(struct mqtt *mqtt, const char *topic, const char *text);

/* The same, kept by the broker; "": takes what it keeps away. `topic` is whole. */
void mqtt_publish_retained(struct mqtt *mqtt, const char *topic, const char *text);

/* Messages since the start; `unsent`: there was no connection. */
struct mqtt_counts {
	uint64_t sent, unsent;
};
struct mqtt_counts mqtt_counts(const struct mqtt *mqtt);

#endif
