/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A split virtqueue (VIRTIO 1.2 §2.7) as its driver sees it: chains of buffers go in, come back used. Memory only, no
 * registers. The device is not trusted: what it writes is compared with a private copy of what was handed to it, and
 * the first lie breaks the queue for good (until virtqueue_init() after a device reset).
 */
#ifndef BSP_VIRTIO_VIRTQUEUE_H
#define BSP_VIRTIO_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTQUEUE_SIZE_MAX 64

/* The three shared areas, little-endian as every CPU that runs this. */
struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};
struct virtq_avail {
	uint16_t flags, idx, ring[];
};
struct virtq_used_elem {
	uint32_t id, len;
};
struct virtq_used {
	uint16_t flags, idx;
	struct virtq_used_elem ring[];
};

/* One buffer of a chain. */
struct virtqueue_part {
	void *addr; /* DMA address = virtual address */
	uint32_t len;
	bool device_writes;
};

struct virtqueue {
	volatile struct virtq_desc *desc;
	volatile struct virtq_avail *avail;
	volatile struct virtq_used *used;
	uint16_t size;
	uint16_t free_head, free_count;
	uint16_t avail_idx, used_idx; /* our shadow of what we published, what we consumed */
	uint16_t chains;              /* handed to the device, not taken back */
	bool broken;
	uint16_t next[VIRTQUEUE_SIZE_MAX];           /* shadow of the chain links; never read back from shared memory */
	uint16_t length[VIRTQUEUE_SIZE_MAX];         /* by head: descriptors in the chain, 0 = not with the device */
	uint32_t writable_bytes[VIRTQUEUE_SIZE_MAX]; /* by head: most the device may say it wrote */
};

/* Bytes of DMA memory for a queue of `size` entries (a power of two ≤ VIRTQUEUE_SIZE_MAX). */
size_t virtqueue_bytes(uint16_t size);

/* Lay the queue out in `memory` (virtqueue_bytes(size), page-aligned) and empty it. The device must be in reset. */
void virtqueue_init(struct virtqueue *vq, void *memory, uint16_t size);

/*
 * Hand a chain of `count` parts to the device, parts it reads before parts it writes. The memory is the device's until
 * the chain is taken back. Returns the chain's head (what virtqueue_take() will name), or -DEV_E_AGAIN: ring full, or
 * -DEV_E_IO: broken. The caller rings the doorbell.
 */
int virtqueue_add(struct virtqueue *vq, const struct virtqueue_part *parts, size_t count);

/* The head that the next virtqueue_add() will return, or -DEV_E_AGAIN: for drivers that keep one buffer per entry. */
int virtqueue_next_head(const struct virtqueue *vq);

/*
 * Take one used chain back: returns its head and sets `*written` (≤ the bytes of its device-written parts).
 * -DEV_E_AGAIN: none yet. -DEV_E_IO: the device lied and the queue is broken; only a device reset helps.
 */
int virtqueue_take(struct virtqueue *vq, uint32_t *written);

/* Would virtqueue_take() return anything but -DEV_E_AGAIN? */
bool virtqueue_ready(const struct virtqueue *vq);

/* Does the device want to hear of new chains (§2.7.10)? A hint: a device that asks not to is polling. */
bool virtqueue_wants_notify(const struct virtqueue *vq);

/*
 * Ask the device (a hint, §2.7.7) to interrupt for used chains, or not to. After switching it on look once more: what
 * was used before the device saw the wish raises no interrupt.
 */
void virtqueue_interrupts(struct virtqueue *vq, bool on);

#endif
