/* SPDX-License-Identifier: Apache-2.0 */
#include "memo.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_FIRST = 1 << 12 };

struct memo {
	struct memo_entry *entries; /* open addressing; cuts 0xff: free */
	size_t capacity, count;
};

static struct memo_entry *entries_make(size_t capacity)
{
	struct memo_entry *entries = calloc(capacity, sizeof(*entries));

	if (!entries)
		abort();
	for (size_t i = 0; i < capacity; i++)
		entries[i].cuts = 0xff;
	return entries;
}

struct memo *memo_make(void)
{
	struct memo *memo = calloc(1, sizeof(*memo));

	if (!memo)
		abort();
	memo_clear(memo);
	return memo;
}

void memo_free(struct memo *memo)
{
	free(memo->entries);
	free(memo);
}

void memo_clear(struct memo *memo)
{
	free(memo->entries);
	memo->entries = entries_make(CAPACITY_FIRST);
	memo->capacity = CAPACITY_FIRST;
	memo->count = 0;
}

static struct memo_entry *place(struct memo_entry *entries, size_t capacity, struct world_key key, uint8_t cuts)
{
	size_t at = (size_t)(key.hash[0] + cuts) & (capacity - 1);

	while (entries[at].cuts != 0xff &&
		(entries[at].cuts != cuts || memcmp(&entries[at].key, &key, sizeof(key)) != 0))
		at = (at + 1) & (capacity - 1);
	return &entries[at];
}

static void grow(struct memo *memo)
{
	size_t capacity = memo->capacity * 2;
	struct memo_entry *entries = entries_make(capacity);

	for (size_t i = 0; i < memo->capacity; i++)
		if (memo->entries[i].cuts != 0xff)
			*place(entries, capacity, memo->entries[i].key, memo->entries[i].cuts) = memo->entries[i];
	free(memo->entries);
	memo->entries = entries;
	memo->capacity = capacity;
}

struct memo_entry *memo_at(struct memo *memo, struct world_key key, uint8_t cuts)
{
	struct memo_entry *entry;

	if (memo->count * 2 > memo->capacity)
		grow(memo);
	entry = place(memo->entries, memo->capacity, key, cuts);
	if (entry->cuts == 0xff) {
		entry->key = key;
		entry->cuts = cuts;
		memo->count++;
	}
	return entry;
}

uint64_t memo_count(const struct memo *memo)
{
	return memo->count;
}
