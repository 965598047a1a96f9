/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate that the device got is replaced before it expires (SPEC §13): in the last third of its time the device asks, over the broker's
 * connection, with a request of the same key. By the time that is known: the latest of clock, floor and signed time.
 */
#ifndef AGENT_RENEW_H
#define AGENT_RENEW_H

#include "identity.h"

struct renew_port {
	uint64_t (*time_s)(void *ctx); /* unix seconds that have passed at least */
	/* Publish on T/cert/renew, QoS 1. 0 or -OTA_E_*. */
	int (*publish)(void *ctx, const char *json, size_t len);
};

struct renew {
	const struct identity *identity;
	const struct renew_port *port;
	void *ctx;
	uint64_t from_s, to_s;   /* of the certificate; 0: it is none that could be renewed */
	uint64_t deadline_ms;    /* of the next look or attempt */
	uint32_t pause_ms;       /* after the next attempt */
	struct credential *next; /* what came, for its owner to put in place; malloc'ed, NULL: nothing */
};

void renew_init(struct renew *renew, const struct identity *identity, const struct renew_port *port, void *ctx);

/* While the broker is reached. */
void renew_poll(struct renew *renew);
uint64_t renew_deadline_ms(const struct renew *renew);

/* The answer on T/cert/issued: payload[len], which may be written to. What is not ours, or not newer, is dropped. */
void renew_on_issued(struct renew *renew, char *payload, size_t len);

/* Forget what came. */
void renew_free(struct renew *renew);

#endif
