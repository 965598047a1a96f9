/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/cc.h"

#include <string.h>

/*
 * Ones' complement sums do not care about the width of their words nor, up to a final byte swap that memory order
 * already contains, about their byte order (RFC 1071 §2): so 64 bits at a time, in two sums of 32-bit halves that
 * cannot overflow, and folded at the end.
 */
static uint64_t sum_words(const uint8_t *bytes, size_t words)
{
	uint64_t low = 0, high = 0;

	for (size_t i = 0; i < words; i++) {
		uint64_t word;

		memcpy(&word, bytes + i * 8, 8);
		low += (uint32_t)word;
		high += word >> 32;
	}
	return low + high;
}

uint16_t net_port_checksum(const void *data, int len)
{
	const uint8_t *bytes = data;
	size_t words = (size_t)len / 8, rest = (size_t)len % 8;
	uint64_t sum = sum_words(bytes, words), last = 0;

	memcpy(&last, bytes + words * 8, rest);
	sum += (uint32_t)last;
	sum += last >> 32;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}
