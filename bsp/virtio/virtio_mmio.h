/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio over memory-mapped registers, version 2 (VIRTIO 1.2 §4.2): the life of a device between reset and DRIVER_OK
 * (§3.1.1), its queues, its interrupt, and a wait for a used buffer. Used by the drivers of single device types.
 */
#ifndef BSP_VIRTIO_VIRTIO_MMIO_H
#define BSP_VIRTIO_VIRTIO_MMIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/virtqueue.h"

struct thread;

enum {
	VIRTIO_ID_NET = 1,
	VIRTIO_ID_BLK = 2,
	VIRTIO_ID_RNG = 4,
};

#define VIRTIO_F_VERSION_1 (1ULL << 32)

struct virtio_dev {
	volatile void *regs;
	uint32_t intid;
	uint64_t features; /* negotiated */
	/* From the interrupt handler to threads: */
	struct thread *volatile waiter; /* signalled `waiter_bits` at every interrupt; NULL: nobody waits */
	uint32_t waiter_bits;
	volatile bool config_changed;
};

struct virtio_driver {
	uint32_t id;
	/* `dev` is in reset and stays valid; the driver negotiates. 0, or -DEV_E_* (logged). */
	int (*probe)(struct virtio_dev *dev);
};

/* drivers.c */
extern const struct virtio_driver virtio_drivers[];
extern const size_t virtio_drivers_count;

int virtio_net_probe(struct virtio_dev *dev);
int virtio_blk_probe(struct virtio_dev *dev);
int virtio_rng_probe(struct virtio_dev *dev);

/*
 * Reset and negotiate: `wanted` features are accepted where offered, VIRTIO_F_VERSION_1 is required. dev->features says
 * what came of it. -DEV_E_IO: the device refused, or never left reset.
 */
int virtio_negotiate(struct virtio_dev *dev, uint64_t wanted);

/*
 * Give queue `index` to the device, with at most `size` entries in `memory` (virtqueue_bytes(size)).
 * -DEV_E_NODEV: the device has no such queue.
 */
int virtio_queue_setup(struct virtio_dev *dev, uint32_t index, struct virtqueue *vq, void *memory, uint16_t size);

/* Queues are set up: let the device work (DRIVER_OK). */
void virtio_start(struct virtio_dev *dev);

/* Attach the interrupt. Once per device; survives virtio_negotiate(). */
void virtio_irq_attach(struct virtio_dev *dev);

/* Stop the device; every buffer is ours again on return. -DEV_E_TIMEOUT: it never acknowledged. */
int virtio_reset(struct virtio_dev *dev);

/* Ring the doorbell of queue `index`. */
void virtio_notify(struct virtio_dev *dev, uint32_t index);

/*
 * Wait until `vq` has something to take. Waits for the interrupt in a thread, polls where there is none yet (at boot).
 * 0, or -DEV_E_TIMEOUT after `timeout_ms`.
 */
int virtio_wait(struct virtio_dev *dev, const struct virtqueue *vq, uint32_t timeout_ms);

/* The same, polled and with interrupts off: for a panic. Bounded by iterations, since time may no longer be served. */
int virtio_wait_polled(const struct virtqueue *vq);

/* The field of `width` bytes at `off` of the device's configuration (§4.2.2), from one generation: 2 and 8 are integers, else bytes. */
void virtio_config_read(struct virtio_dev *dev, size_t off, void *buf, size_t width);

#endif
