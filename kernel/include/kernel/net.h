/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network as TCP byte streams. One thread owns it: the one that called net_start(); every call is that thread's,
 * and none blocks. The owner's loop: net_poll(); do what is possible; thread_wait(… | THREAD_SIG_NET, net_deadline_ms()).
 */
#ifndef KERNEL_NET_H
#define KERNEL_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum net_error {
	NET_E_AGAIN = 1,   /* nothing to read, no room to write, still connecting */
	NET_E_CLOSED = 2,  /* the peer closed its side; everything sent before was read */
	NET_E_RESET = 3,   /* reset, or timed out by TCP */
	NET_E_NAME = 4,    /* name lookup failed */
	NET_E_REFUSED = 5, /* connection refused or unreachable */
	NET_E_MEM = 6,     /* no buffer or connection free; retry later */
	NET_E_NODEV = 7,
};

/* Bring up the first network device and start DHCP. 0 or -NET_E_NODEV. */
int net_start(void);

/* Process received frames and due timers. */
void net_poll(void);

/* When net_poll() is due at the latest, on time_now_ms()'s scale. */
uint64_t net_deadline_ms(void);

struct net_status {
	bool link, bound;               /* bound: has an address */
	uint32_t address, gateway, dns; /* IPv4, network byte order */
	uint64_t rx_bytes, tx_bytes;
};
void net_status_get(struct net_status *status);

#define NET_TCP_MAX 4 /* connections at a time */

struct net_tcp;

/* Look up `host` (name or dotted quad; copied) and connect. Returns at once; the state shows in net_tcp_status(). 0 or -NET_E_MEM. */
int net_tcp_open(struct net_tcp **tcp, const char *host, uint16_t port);

/*
 * 0 when connected, -NET_E_AGAIN while getting there, else why it failed or ended. A peer that has closed its side only
 * is still connected: net_tcp_read() tells.
 */
int net_tcp_status(const struct net_tcp *tcp);

/* Up to `len` bytes. Count > 0, or -NET_E_AGAIN, -NET_E_CLOSED, -NET_E_RESET. */
ssize_t net_tcp_read(struct net_tcp *tcp, void *buf, size_t len);
ssize_t net_tcp_write(struct net_tcp *tcp, const void *buf, size_t len);

/* Close and free. What was written is still delivered if the peer lives; `abort`: reset instead. */
void net_tcp_close(struct net_tcp *tcp, bool abort);

#endif
