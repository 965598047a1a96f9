/* SPDX-License-Identifier: Apache-2.0 */
/* A byte ring of fixed capacity: what a connection has received and its reader has not taken yet. */
#ifndef KERNEL_NET_STREAM_RING_H
#define KERNEL_NET_STREAM_RING_H

#include <stddef.h>
#include <stdint.h>

struct stream_ring {
	uint8_t *bytes; /* capacity, a power of two */
	size_t capacity;
	size_t put, taken; /* ever; their difference is what is inside */
};

size_t stream_ring_used(const struct stream_ring *ring);
size_t stream_ring_free(const struct stream_ring *ring);

/* Append `len` ≤ stream_ring_free() bytes. */
void stream_ring_put(struct stream_ring *ring, const void *data, size_t len);

/* Move up to `len` bytes, oldest first, to `buf`; how many there were. */
size_t stream_ring_take(struct stream_ring *ring, void *buf, size_t len);

#endif
