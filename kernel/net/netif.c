/* SPDX-License-Identifier: Apache-2.0 */
#include "netif.h"

#include <lwip/etharp.h>
#include <lwip/pbuf.h>
#include <netif/ethernet.h>
#include <string.h>

#include "kernel/dev.h"
#include "kernel/log.h"

#define MTU_BYTES 1500

/* A frame of lwIP is a header, perhaps options, and data: few parts. More than these are joined first. */
#define PARTS_MAX 8

static err_t frame_send(struct net_interface *interface, struct pbuf *frame)
{
	const void *parts[PARTS_MAX];
	size_t lens[PARTS_MAX], count = 0;
	int rc;

	for (struct pbuf *p = frame; p; p = p->next) {
		if (count == PARTS_MAX)
			return ERR_BUF;
		parts[count] = p->payload;
		lens[count++] = p->len;
	}
	rc = interface->dev->ops->send(interface->dev, parts, lens, count);
	/* TCP keeps the segment, or the wish to acknowledge, and is told to try again when there is room. */
	if (rc == -DEV_E_AGAIN) {
		interface->tx_full = true;
		return ERR_MEM;
	}
	if (rc)
		return ERR_IF;
	interface->tx_bytes += frame->tot_len;
	return ERR_OK;
}

static err_t link_output(struct netif *netif, struct pbuf *frame)
{
	struct net_interface *interface = netif->state;
	struct pbuf *joined;
	err_t err;

	if (pbuf_clen(frame) <= PARTS_MAX)
		return frame_send(interface, frame);
	joined = pbuf_clone(PBUF_RAW, PBUF_RAM, frame);
	if (!joined)
		return ERR_MEM;
	err = frame_send(interface, joined);
	pbuf_free(joined);
	return err;
}

static err_t interface_init(struct netif *netif)
{
	struct net_interface *interface = netif->state;

	netif->name[0] = 'e';
	netif->name[1] = 'n';
	netif->output = etharp_output;
	netif->linkoutput = link_output;
	netif->mtu = MTU_BYTES;
	netif->hwaddr_len = sizeof(interface->dev->mac);
	memcpy(netif->hwaddr, interface->dev->mac, sizeof(interface->dev->mac));
	netif->flags |= NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
	return ERR_OK;
}

void net_interface_add(struct net_interface *interface, struct net_dev *dev)
{
	interface->dev = dev;
	netif_add(&interface->netif, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4, interface, interface_init,
		ethernet_input);
	netif_set_default(&interface->netif);
	netif_set_up(&interface->netif);
}

/* A frame for which there is no buffer is dropped, as a wire would: the sender repeats it. */
static void frame_input(struct net_interface *interface, const uint8_t *frame, size_t len)
{
	struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);

	if (!p)
		return;
	interface->rx_bytes += len;
	if (pbuf_take(p, frame, (u16_t)len) != ERR_OK || interface->netif.input(p, &interface->netif) != ERR_OK)
		pbuf_free(p);
}

bool net_interface_input(struct net_interface *interface, unsigned int max)
{
	const uint8_t *frame;

	for (unsigned int i = 0; i < max && !interface->tx_full; i++) {
		int len = interface->dev->ops->recv(interface->dev, &frame);

		if (len < 0)
			return false;
		frame_input(interface, frame, (size_t)len);
		interface->dev->ops->recv_done(interface->dev);
	}
	return !interface->tx_full;
}

void net_interface_link_follow(struct net_interface *interface)
{
	bool up = interface->dev->ops->link_up(interface->dev);

	if (up == (bool)netif_is_link_up(&interface->netif))
		return;
	log_line(LOG_INFO, "net: link state=%s", up ? "up" : "down");
	if (up)
		netif_set_link_up(&interface->netif);
	else
		netif_set_link_down(&interface->netif);
}
