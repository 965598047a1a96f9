/* SPDX-License-Identifier: Apache-2.0 */
/* virtio entropy device (VIRTIO 1.2 §5.4): the device fills a buffer, perhaps not all of it. */
#include <string.h>

#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/thread.h"

#include "virtio/virtio_mmio.h"

#define QUEUE      0
#define QUEUE_SIZE 2
#define POOL_BYTES 256U
#define TIMEOUT_MS 10000U

struct virtio_rng {
	struct rng_dev dev;
	struct virtio_dev *virtio;
	struct mutex lock;
	struct virtqueue vq;
	void *vq_memory;
	uint8_t *pool; /* DMA */
};

static struct virtio_rng rng;

static int rng_device_start(struct virtio_rng *self)
{
	int rc = virtio_negotiate(self->virtio, 0);

	if (!rc)
		rc = virtio_queue_setup(self->virtio, QUEUE, &self->vq, self->vq_memory, QUEUE_SIZE);
	if (!rc)
		virtio_start(self->virtio);
	return rc;
}

/* Ask for `wanted` (≤ POOL_BYTES) bytes: how many there are now in the pool, > 0. */
static int rng_request(struct virtio_rng *self, uint32_t wanted)
{
	const struct virtqueue_part part = {self->pool, wanted, true};
	uint32_t written = 0;
	int rc = virtqueue_add(&self->vq, &part, 1);

	if (rc < 0)
		return rc;
	virtio_notify(self->virtio, QUEUE);
	rc = virtio_wait(self->virtio, &self->vq, TIMEOUT_MS);
	if (!rc)
		rc = virtqueue_take(&self->vq, &written);
	if (rc < 0)
		return rc;
	return written ? (int)written : -DEV_E_IO;
}

/* What was handed out must not stay behind in memory: the pool is wiped after each copy. */
static int rng_fill_locked(struct virtio_rng *self, uint8_t *buf, size_t len)
{
	while (len) {
		int got = rng_request(self, len < POOL_BYTES ? (uint32_t)len : POOL_BYTES);

		if (got < 0) {
			log_line(LOG_ERR, "rng: request.fail rc=%d", got);
			(void)rng_device_start(self);
			return got;
		}
		memcpy(buf, self->pool, (size_t)got);
		memset(self->pool, 0, POOL_BYTES);
		buf += got;
		len -= (size_t)got;
	}
	return 0;
}

static int rng_fill(struct rng_dev *dev, void *buf, size_t len)
{
	struct virtio_rng *self = dev->ctx;
	int rc;

	mutex_lock(&self->lock);
	rc = rng_fill_locked(self, buf, len);
	mutex_unlock(&self->lock);
	return rc;
}

static const struct rng_ops rng_ops = {.fill = rng_fill};

int virtio_rng_probe(struct virtio_dev *virtio)
{
	int rc;

	if (rng.virtio)
		return -DEV_E_NODEV;
	rng.virtio = virtio;
	rng.pool = driver_dma_alloc(POOL_BYTES + virtqueue_bytes(QUEUE_SIZE));
	rng.vq_memory = rng.pool + POOL_BYTES;
	rc = rng_device_start(&rng);
	if (rc)
		return rc;
	virtio_irq_attach(virtio);
	rng.dev.ops = &rng_ops;
	rng.dev.ctx = &rng;
	dev_register_rng(&rng.dev);
	return 0;
}
