/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/chain.h"

#include <stddef.h>
#include <string.h>

#include "ota/verify.h"

static void add_number(struct ota_sha256 *sha, uint64_t number)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(number >> (56 - 8 * i));
	ota_sha256_add(sha, bytes, sizeof bytes);
}

/* With its length: else "ab","c" and "a","bc" would be the same. */
static void add_text(struct ota_sha256 *sha, const char *text)
{
	add_number(sha, text ? strlen(text) : UINT64_MAX);
	if (text)
		ota_sha256_add(sha, text, strlen(text));
}

void chain_hash(const uint8_t before[CHAIN_HASH_BYTES], const struct chain_entry *entry, uint8_t hash[CHAIN_HASH_BYTES])
{
	struct ota_sha256 sha;
	ota_sha256_begin(&sha);
	ota_sha256_add(&sha, before, CHAIN_HASH_BYTES);
	add_number(&sha, (uint64_t)entry->number);
	add_number(&sha, (uint64_t)entry->time);
	add_text(&sha, entry->tenant);
	add_text(&sha, entry->actor);
	add_text(&sha, entry->action);
	add_text(&sha, entry->object);
	add_text(&sha, entry->details);
	ota_sha256_end(&sha, hash);
}
