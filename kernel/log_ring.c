/* SPDX-License-Identifier: Apache-2.0 */
#include "log_ring.h"

#include <assert.h>

#include "kernel/log.h"

#define PREFIX_BYTES 2

static uint8_t byte_at(const struct log_ring *ring, size_t off)
{
	return ring->bytes[(ring->head + off) % LOG_RING_BYTES];
}

static size_t len_at(const struct log_ring *ring, size_t off)
{
	return byte_at(ring, off) | (size_t)byte_at(ring, off + 1) << 8;
}

static void drop_oldest(struct log_ring *ring)
{
	size_t bytes = PREFIX_BYTES + len_at(ring, 0);

	ring->head = (ring->head + bytes) % LOG_RING_BYTES;
	ring->used -= bytes;
	ring->first++;
}

static void append(struct log_ring *ring, uint8_t byte)
{
	ring->bytes[(ring->head + ring->used++) % LOG_RING_BYTES] = byte;
}

void log_ring_put(struct log_ring *ring, const char *line, size_t len)
{
	if (len > LOG_LINE_MAX)
		len = LOG_LINE_MAX;
	while (LOG_RING_BYTES - ring->used < PREFIX_BYTES + len)
		drop_oldest(ring);
	append(ring, (uint8_t)len);
	append(ring, (uint8_t)(len >> 8));
	for (size_t i = 0; i < len; i++)
		append(ring, (uint8_t)line[i]);
	ring->next++;
}

int log_ring_get(const struct log_ring *ring, uint64_t *seq, char *buf, size_t cap)
{
	size_t off = 0, len;

	assert(cap > 0);
	if (*seq < ring->first)
		*seq = ring->first;
	if (*seq >= ring->next)
		return -1;
	for (uint64_t number = ring->first; number < *seq; number++)
		off += PREFIX_BYTES + len_at(ring, off);
	len = len_at(ring, off);
	if (len > cap - 1)
		len = cap - 1;
	for (size_t i = 0; i < len; i++)
		buf[i] = (char)byte_at(ring, off + PREFIX_BYTES + i);
	buf[len] = '\0';
	++*seq;
	return (int)len;
}
