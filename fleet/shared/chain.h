/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log's chain: each entry's hash covers the one before, so that nothing can be changed or taken out unseen. Pure. */
#ifndef SHARED_CHAIN_H
#define SHARED_CHAIN_H

#include <stdint.h>

#define CHAIN_HASH_BYTES 32

struct chain_entry {
	int64_t number, time; /* from 1; unix seconds */
	const char *tenant, *actor, *action, *object,
		*details; /* NULL: not there; details: JSON, compact, members in order */
};

/* SHA-256 over `before` (of the entry before; zeros for the first), both numbers (64 bits, big-endian), and of each text its length (the same; all ones: not there) and bytes. */
void chain_hash(
	const uint8_t before[CHAIN_HASH_BYTES], const struct chain_entry *entry, uint8_t hash[CHAIN_HASH_BYTES]);

#endif
