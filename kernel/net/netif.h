/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP's Ethernet interface over the kernel's network device. Private to kernel/net. */
#ifndef KERNEL_NET_NETIF_H
#define KERNEL_NET_NETIF_H

#include <stdbool.h>
#include <stdint.h>

#include <lwip/netif.h>

struct net_dev;

struct net_interface {
	struct netif netif;
	struct net_dev *dev;
	uint64_t rx_bytes, tx_bytes;
	bool tx_full; /* a frame could not be sent; cleared by whoever sends again */
};

/* Register `dev` with lwIP as the default interface, still down. */
void net_interface_add(struct net_interface *interface, struct net_dev *dev);

/*
 * Feed at most `max` received frames to lwIP. Stops when the device takes no more frames, because every one that comes
 * in makes lwIP send. True if there may be more and it makes sense to go on.
 */
bool net_interface_input(struct net_interface *interface, unsigned int max);

/* Tell lwIP what has become of the link; a new one makes DHCP ask anew. */
void net_interface_link_follow(struct net_interface *interface);

#endif
