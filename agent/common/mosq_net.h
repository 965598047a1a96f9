/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of libmosquitto's net_mosq.c over our TLS: connecting is done before libmosquitto comes into play, and
 * what a hostile broker could do to our memory is stopped here, before libmosquitto allocates.
 */
#ifndef AGENT_MOSQ_NET_H
#define AGENT_MOSQ_NET_H

#include <stdbool.h>
#include <stddef.h>

struct mosquitto;
struct tls;

#define MOSQ_PACKET_MAX  32768 /* bytes of an inbound packet */
#define MOSQ_BACKLOG_MAX 24    /* packets waiting to be sent; above, we stop reading until some are gone */

/* One per connection; every client handle's userdata points to it. */
struct mosq_io {
	struct tls *tls;   /* established */
	int error;         /* -OTA_E_* that ended the connection, 0: none of ours */
	bool read_blocked; /* the last read found nothing more */
};

/* Messages of QoS 1 that the broker has not acknowledged. */
size_t mosq_net_unacked(const struct mosquitto *mosq);

/* These, and packets that wait to be sent. */
size_t mosq_net_backlog(const struct mosquitto *mosq);

#endif
