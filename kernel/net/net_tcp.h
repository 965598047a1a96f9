/* SPDX-License-Identifier: Apache-2.0 */
/* The connections behind kernel/net.h, as net.c drives them. Private to kernel/net. */
#ifndef KERNEL_NET_NET_TCP_H
#define KERNEL_NET_NET_TCP_H

#include <stdbool.h>
#include <stdint.h>

/* Start look-ups that waited for an address (`bound`), and give up what took too long. */
void net_tcp_poll(bool bound, uint64_t now_ms);

/* Send what a full device refused before. */
void net_tcp_output(void);

/* When net_tcp_poll() has something to give up, or UINT64_MAX. */
uint64_t net_tcp_deadline_ms(void);

#endif
