/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_ring.h"

#include <assert.h>
#include <string.h>

size_t stream_ring_used(const struct stream_ring *ring)
{
	return ring->put - ring->taken;
}

size_t stream_ring_free(const struct stream_ring *ring)
{
	return ring->capacity - stream_ring_used(ring);
}

void stream_ring_put(struct stream_ring *ring, const void *data, size_t len)
{
	size_t at = ring->put & (ring->capacity - 1), first = ring->capacity - at;

	assert(len <= stream_ring_free(ring));
	if (first > len)
		first = len;
	memcpy(ring->bytes + at, data, first);
	memcpy(ring->bytes, (const uint8_t *)data + first, len - first);
	ring->put += len;
}

size_t stream_ring_take(struct stream_ring *ring, void *buf, size_t len)
{
	size_t at = ring->taken & (ring->capacity - 1), first = ring->capacity - at;

	if (len > stream_ring_used(ring))
		len = stream_ring_used(ring);
	if (first > len)
		first = len;
	memcpy(buf, ring->bytes + at, first);
	memcpy((uint8_t *)buf + first, ring->bytes, len - first);
	ring->taken += len;
	return len;
}
