/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the broker: TLS, MQTT 3.1.1 by libmosquitto, subscriptions, and coming back for ever. Each
 * connection is a fresh clean session: what must survive one (job states, report) is kept by its owner and sent again on
 * `up`. Driven by mqtt_poll(); no threads, no sleeping.
 */
#ifndef AGENT_MQTT_H
#define AGENT_MQTT_H

#include "backoff.h"
#include "mosq_net.h"
#include "tls.h"

#define MQTT_TOPIC_MAX   256 /* with NUL */
#define MQTT_FILTERS_MAX 8

struct mqtt_events {
	/* Connected and subscribed. Publishing is possible until `down`. */
	void (*up)(void *ctx);
	/* Lost, or not reached: -OTA_E_*. Called once per attempt. */
	void (*down)(void *ctx, int error);
	/* Also before `up`: what the broker remembers may come before its word that the filters stand.
	 * `suffix`: the topic below the base, NUL-terminated; payload[len] may be written to (decoding in place); both borrowed for the call. `retained`: sent before we subscribed, who knows when. */
	void (*message)(void *ctx, const char *suffix, char *payload, size_t len, bool retained);
};

/* Kept by pointer; must outlive the connection. */
struct mqtt_config {
	const char *host;
	uint16_t port;
	const char *client_id;      /* and user name */
	const char *base;           /* of all topics, without a slash at its end */
	const char *const *filters; /* below the base; at most MQTT_FILTERS_MAX, then NULL */
	const char *will_suffix;    /* retained, QoS 1 */
	char will[64];
	const struct tls_context *tls;
	const struct stream_ops *streams;
	const struct mqtt_events *events;
	void *ctx;
};

enum mqtt_phase { MQTT_WAITING, MQTT_CONNECTING, MQTT_GREETING, MQTT_SUBSCRIBING, MQTT_UP, MQTT_STOPPED };

struct mqtt {
	struct mosq_io io; /* first: the client handle's userdata points here */
	const struct mqtt_config *config;
	struct tls tls;
	struct mosquitto *client; /* NULL until TLS stands */
	enum mqtt_phase phase;
	int refusal; /* CONNACK's or SUBACK's, as -OTA_E_*; 0 */
	struct backoff backoff;
	uint64_t deadline_ms; /* WAITING: next attempt; GREETING, SUBSCRIBING: give up */
	uint64_t up_ms;       /* since when UP */
	size_t unacked;       /* messages of QoS 1, when last looked at */
	uint64_t acked_ms;    /* when there were fewer than before, or none */
};

void mqtt_init(struct mqtt *mqtt, const struct mqtt_config *config);

/* Everything that can be done now. The first call begins the first attempt. */
void mqtt_poll(struct mqtt *mqtt);
/* When mqtt_poll() is due at the latest, whatever the stream does. */
uint64_t mqtt_deadline_ms(const struct mqtt *mqtt);

bool mqtt_is_up(const struct mqtt *mqtt);

/* For mqtt_publish(); 0: QoS 0, not retained. */
enum { MQTT_QOS1 = 1, MQTT_RETAIN = 2 };

/* Publish payload[len] on base/suffix. 0, -OTA_E_NO_NETWORK (not up), -OTA_E_BUSY (queue full: later), -OTA_E_TOO_LONG (topic), -OTA_E_MEMORY. */
__attribute__((warn_unused_result)) int mqtt_publish(
	struct mqtt *mqtt, const char *suffix, const char *payload, size_t len, unsigned int flags);

/* Packets not sent or not acknowledged yet. */
size_t mqtt_backlog(const struct mqtt *mqtt);

/* Ask for the connection to be dropped (by the next mqtt_poll()) and made anew after a pause: `error` is why. */
void mqtt_drop(struct mqtt *mqtt, int error);

/* Say DISCONNECT and end for good. */
void mqtt_stop(struct mqtt *mqtt);

#endif
