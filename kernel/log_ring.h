/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered lines in a ring of bytes; the oldest make room. The caller serialises. */
#ifndef KERNEL_LOG_RING_H
#define KERNEL_LOG_RING_H

#include <stddef.h>
#include <stdint.h>

#define LOG_RING_BYTES 16384

/* Zero-initialised = empty. A line is stored as its length (2 bytes, little-endian) and its bytes. */
struct log_ring {
	uint64_t first, next; /* numbers of the oldest line kept and of the next one */
	size_t head, used;    /* where the oldest begins, bytes in use */
	uint8_t bytes[LOG_RING_BYTES];
};

/* Append `len` bytes (at most LOG_LINE_MAX; the rest is cut off) without newline. */
void log_ring_put(struct log_ring *ring, const char *line, size_t len);

/* As log_read() in kernel/log.h. O(lines kept). */
int log_ring_get(const struct log_ring *ring, uint64_t *seq, char *buf, size_t cap);

#endif
