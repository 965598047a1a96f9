/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio-mmio device, version 2, whose answers a test chooses: `serve` is called for every chain that the driver
 * announces and says what goes into the used ring, true or not.
 */
#ifndef TESTS_BSP_VIRTIO_FAKE_H
#define TESTS_BSP_VIRTIO_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTIO_FAKE_QUEUES    2
#define VIRTIO_FAKE_PARTS_MAX 8

struct virtio_fake_part {
	uint8_t *addr;
	uint32_t len;
	bool writable;
};

struct virtio_fake_chain {
	uint32_t queue, head;
	size_t count;
	struct virtio_fake_part parts[VIRTIO_FAKE_PARTS_MAX];
};

/* What the device makes of a chain. */
struct virtio_fake_answer {
	bool silent;        /* keep it: never used */
	uint32_t id, len;   /* the used element; preset to the truth */
	uint16_t idx_ahead; /* lie about used.idx by so much */
};

struct virtio_fake {
	/* Set up by the test. */
	uint32_t version, id;
	uint64_t features;
	uint16_t queue_max;
	uint8_t config[64];
	bool hold; /* do not look at chains when told of them, as a slow device would */
	void (*serve)(
		struct virtio_fake *fake, const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer);
	/* State. */
	uint32_t status, features_sel, queue_sel, interrupt;
	uint64_t driver_features;
	unsigned int resets;
	struct virtio_fake_queue {
		uint64_t desc, avail, used;
		uint32_t size, ready;
		uint16_t avail_idx, used_idx;
	} queues[VIRTIO_FAKE_QUEUES];
};

/* The one device; its address is that of its registers. */
extern struct virtio_fake virtio_fake;

/* Look at what the driver announced on queue `index` and raise the interrupt. */
void virtio_fake_run(struct virtio_fake *fake, uint32_t index);

/* Probe the device with virtio_mmio_probe() and the drivers linked in. */
int virtio_fake_probe(void);

#endif
