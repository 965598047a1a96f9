/* SPDX-License-Identifier: Apache-2.0 */
/* Which network addresses are everybody's and which are those of this machine or network. Pure functions. */
#ifndef SKERRYD_ADDRESS_H
#define SKERRYD_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* A global unicast address: not loopback, private, link-local, shared (RFC 6598), multicast, reserved or unspecified, nor an IPv6 address that leads to
 * such an IPv4 one (mapped, NAT64, 6to4). IANA's special-purpose registries. */
bool address_is_public(const struct sockaddr *address);
/* 127.0.0.0/8 or ::1. */
bool address_is_loopback(const struct sockaddr *address);

#endif
