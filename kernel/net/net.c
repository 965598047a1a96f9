/* SPDX-License-Identifier: Apache-2.0 */
/* The network's life: interface, address, timers. */
#include "kernel/net.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/init.h>
#include <lwip/timeouts.h>

#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "kernel/time.h"

#include "net_tcp.h"
#include "netif.h"

/* Frames per net_poll(): a flood must leave the owner time to read what arrived. */
#define FRAMES_PER_POLL 32

static struct net_interface interface;
static struct dhcp dhcp;
static bool started, more_frames, was_bound;

int net_start(void)
{
	struct net_dev *dev = dev_net();

	if (!dev)
		return -NET_E_NODEV;
	lwip_init();
	net_interface_add(&interface, dev);
	dhcp_set_struct(&interface.netif, &dhcp);
	net_interface_link_follow(&interface);
	if (dhcp_start(&interface.netif) != ERR_OK)
		return -NET_E_MEM;
	dev->ops->listen(dev, thread_self());
	started = true;
	return 0;
}

/* IPv4 address in network byte order as four decimal numbers. */
#define DOTTED(addr) ip4_addr1(addr), ip4_addr2(addr), ip4_addr3(addr), ip4_addr4(addr)

static bool bound_now(void)
{
	return netif_is_link_up(&interface.netif) && dhcp_supplied_address(&interface.netif);
}

static void bound_follow(void)
{
	const struct netif *netif = &interface.netif;
	bool bound = bound_now();

	if (bound == was_bound)
		return;
	was_bound = bound;
	if (!bound) {
		log_line(LOG_WARN, "net: unbound link=%d", (int)netif_is_link_up(netif));
		return;
	}
	log_line(LOG_INFO, "net: bound address=%u.%u.%u.%u gateway=%u.%u.%u.%u dns=%u.%u.%u.%u",
		DOTTED(netif_ip4_addr(netif)), DOTTED(netif_ip4_gw(netif)), DOTTED(dns_getserver(0)));
}

void net_poll(void)
{
	if (!started)
		return;
	net_interface_link_follow(&interface);
	if (interface.tx_full) {
		interface.tx_full = false;
		net_tcp_output();
	}
	more_frames = net_interface_input(&interface, FRAMES_PER_POLL);
	sys_check_timeouts();
	bound_follow();
	net_tcp_poll(was_bound, time_now_ms());
}

uint64_t net_deadline_ms(void)
{
	uint64_t now_ms = time_now_ms(), deadline_ms = net_tcp_deadline_ms(), timer_ms;
	u32_t sleep_ms;

	if (!started)
		return UINT64_MAX;
	if (more_frames)
		return now_ms;
	sleep_ms = sys_timeouts_sleeptime();
	timer_ms = sleep_ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? UINT64_MAX : now_ms + sleep_ms;
	return timer_ms < deadline_ms ? timer_ms : deadline_ms;
}

void net_status_get(struct net_status *status)
{
	const struct netif *netif = &interface.netif;

	*status = (struct net_status){.rx_bytes = interface.rx_bytes, .tx_bytes = interface.tx_bytes};
	if (!started)
		return;
	status->link = netif_is_link_up(netif);
	status->bound = bound_now();
	if (!status->bound)
		return;
	status->address = netif_ip4_addr(netif)->addr;
	status->gateway = netif_ip4_gw(netif)->addr;
	status->dns = dns_getserver(0)->addr;
}
