/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP: IPv4, DHCP, DNS and TCP streams, driven by one thread (NO_SYS). Figures: README.md. */
#ifndef KERNEL_NET_LWIPOPTS_H
#define KERNEL_NET_LWIPOPTS_H

#include <stdlib.h>

#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET          0
#define LWIP_NETCONN         0

/*
 * What is queued for sending comes from the system heap, bounded per connection by TCP_SND_BUF. The kernel's malloc
 * aligns to 16; lwIP needs 8.
 */
#define MEM_ALIGNMENT        8
#define mem_init             lwip_mem_init /* the plain name is the kernel's */
#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC    malloc
#define MEM_CUSTOM_CALLOC    calloc
#define MEM_CUSTOM_FREE      free

#define LWIP_IPV4                  1
#define LWIP_IPV6                  0
#define LWIP_ARP                   1
#define LWIP_ICMP                  1
#define LWIP_RAW                   0
#define LWIP_UDP                   1
#define LWIP_TCP                   1
#define LWIP_DHCP                  1
#define LWIP_DNS                   1
#define LWIP_ALTCP                 0
#define IP_FRAG                    0
#define IP_REASSEMBLY              0
#define LWIP_NETIF_LINK_CALLBACK   0
#define LWIP_NETIF_STATUS_CALLBACK 0

/* Probing the offered address by ARP would cost seconds before the first packet. */
#define LWIP_DHCP_DOES_ACD_CHECK 0

/* The answer to a name is cached for as long as it says; two servers, one address per name. */
#define DNS_MAX_SERVERS 2

/*
 * The window is below 64 KiB, so that no window scaling is needed; net_tcp.c keeps a ring of that size per connection
 * and empties lwIP's buffers at once. The pool therefore holds only frames in flight through the stack and segments
 * that came out of order, of which one connection may keep 24.
 */
#define TCP_MSS             1460
#define TCP_WND             (44 * TCP_MSS)
#define TCP_SND_BUF         (8 * TCP_MSS)
#define TCP_SND_QUEUELEN    32
#define TCP_QUEUE_OOSEQ     1
#define TCP_OOSEQ_MAX_PBUFS 24
#define LWIP_TCP_SACK_OUT   1
#define PBUF_POOL_SIZE      48

/* NET_TCP_MAX connections and as many that are still closing; the oldest in TIME-WAIT make room. */
#define MEMP_NUM_TCP_PCB        8
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG        128
#define MEMP_NUM_UDP_PCB        6
#define MEMP_NUM_PBUF           16

/*
 * Before the first round trip is known a segment is repeated after 2 s, 12 SYNs at that pace.
 * Data is repeated 8 times: a dead peer is given up after ~1.5 minutes.
 */
#define LWIP_TCP_RTO_TIME  2000
#define TCP_SYNMAXRTX      12
#define TCP_MAXRTX         8
#define LWIP_TCP_KEEPALIVE 1

/* Initial sequence numbers that cannot be guessed (RFC 6528); lwIP's own are a counter. */
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) net_port_rand()

#define LWIP_CHKSUM           net_port_checksum
#define LWIP_CHECKSUM_ON_COPY 0

#define LWIP_STATS 0

#endif
