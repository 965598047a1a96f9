/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static bool is_in4(uint32_t address, uint32_t net, unsigned bits)
{
	return (address ^ net) >> (32 - bits) == 0;
}

static bool is_public4(uint32_t address)
{
	static const struct {
		uint32_t net;
		unsigned bits;
	} special[] = {
		{0x00000000, 8}, {0x0a000000, 8}, {0x64400000, 10}, {0x7f000000, 8}, {0xa9fe0000, 16}, {0xac100000, 12},
		{0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
		{0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3}, /* multicast and reserved */
	};
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (is_in4(address, special[i].net, special[i].bits))
			return false;
	return true;
}

static uint32_t be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_public6(const uint8_t *bytes)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	if (memcmp(bytes, mapped, sizeof mapped) == 0 || memcmp(bytes, nat64, sizeof nat64) == 0)
		return is_public4(be32(bytes + 12));
	if (bytes[0] == 0x20 && bytes[1] == 0x02)
		return is_public4(be32(bytes + 2));
	/* 2001::/23 are protocols, 2001:db8::/32 is documentation; beyond 2000::/3 nothing is global. */
	if (bytes[0] == 0x20 && bytes[1] == 0x01 && (bytes[2] < 2 || (bytes[2] == 0x0d && bytes[3] == 0xb8)))
		return false;
	return bytes[0] >> 5 == 1;
}

bool address_is_public(const struct sockaddr *address)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	if (address->sa_family == AF_INET) {
		memcpy(&in4, address, sizeof in4);
		return is_public4(ntohl(in4.sin_addr.s_addr));
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&in6, address, sizeof in6);
	return is_public6(in6.sin6_addr.s6_addr);
}

bool address_is_loopback(const struct sockaddr *address)
{
	static const uint8_t one[16] = {[15] = 1};
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	if (address->sa_family == AF_INET) {
		memcpy(&in4, address, sizeof in4);
		return is_in4(ntohl(in4.sin_addr.s_addr), 0x7f000000, 8);
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&in6, address, sizeof in6);
	return memcmp(in6.sin6_addr.s6_addr, one, sizeof one) == 0;
}
