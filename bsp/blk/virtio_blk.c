/* SPDX-License-Identifier: Apache-2.0 */
/* virtio block device (VIRTIO 1.2 §5.2): one request at a time, many sectors per request. */
#include <assert.h>
#include <string.h>

#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/thread.h"

#include "mmio.h"
#include "virtio/virtio_mmio.h"

#define BLK_F_FLUSH     (1ULL << 9)
#define CONFIG_CAPACITY 0

enum { BLK_T_IN = 0, BLK_T_OUT = 1, BLK_T_FLUSH = 4 };
enum { BLK_S_OK = 0, BLK_S_NONE = 0xff };

struct blk_req_header {
	uint32_t type, reserved;
	uint64_t sector;
};

/* What the device sees besides the caller's buffer. */
struct blk_shared {
	struct blk_req_header header;
	uint8_t status;
};

/* One request carries at most this much, so that a timeout is a statement about a bounded piece of work. */
#define REQUEST_SECTORS_MAX 2048U
#define TIMEOUT_MS          30000U
#define QUEUE               0
#define QUEUE_SIZE          4 /* header, data, status, rounded up */

struct virtio_blk {
	struct blk_dev dev;
	struct virtio_dev *virtio;
	struct mutex lock;
	struct virtqueue vq;
	void *vq_memory;
	volatile struct blk_shared *shared;
	bool dead; /* the device could not be brought back */
};

static struct virtio_blk blk;

static int blk_device_start(struct virtio_blk *self)
{
	int rc = virtio_negotiate(self->virtio, BLK_F_FLUSH);

	if (!rc)
		rc = virtio_queue_setup(self->virtio, QUEUE, &self->vq, self->vq_memory, QUEUE_SIZE);
	if (!rc && self->vq.size < 3)
		rc = -DEV_E_NODEV;
	if (!rc)
		virtio_start(self->virtio);
	self->dead = rc != 0;
	return rc;
}

static int blk_submit(struct virtio_blk *self, uint32_t type, uint64_t lba, void *data, uint32_t bytes)
{
	struct virtqueue_part parts[3];
	size_t count = 0;
	int head;

	self->shared->header = (struct blk_req_header){.type = type, .sector = lba};
	self->shared->status = BLK_S_NONE;
	parts[count++] =
		(struct virtqueue_part){(void *)(uintptr_t)&self->shared->header, sizeof(self->shared->header), false};
	if (bytes)
		parts[count++] = (struct virtqueue_part){data, bytes, type == BLK_T_IN};
	parts[count++] = (struct virtqueue_part){(void *)(uintptr_t)&self->shared->status, 1, true};
	head = virtqueue_add(&self->vq, parts, count);
	if (head < 0)
		return head;
	virtio_notify(self->virtio, QUEUE);
	return 0;
}

/* A read that says it is well must also have filled the buffer. */
static int blk_result(struct virtio_blk *self, uint32_t type, uint32_t bytes)
{
	uint32_t written, wanted = type == BLK_T_IN ? bytes + 1 : 1;
	int rc = virtqueue_take(&self->vq, &written);

	if (rc < 0)
		return rc;
	if (self->shared->status != BLK_S_OK || written < wanted)
		return -DEV_E_IO;
	return 0;
}

static int blk_request(struct virtio_blk *self, uint32_t type, uint64_t lba, void *data, uint32_t bytes)
{
	int rc = self->dead ? -DEV_E_IO : blk_submit(self, type, lba, data, bytes);

	if (!rc)
		rc = virtio_wait(self->virtio, &self->vq, TIMEOUT_MS);
	if (!rc)
		rc = blk_result(self, type, bytes);
	if (!rc)
		return 0;
	log_line(LOG_ERR, "blk: request.fail type=%u lba=%llu bytes=%u rc=%d", (unsigned int)type,
		(unsigned long long)lba, (unsigned int)bytes, rc);
	/* A request that timed out still owns the caller's buffer, and a queue that lied is of no use: only a reset takes them back. */
	if (rc == -DEV_E_TIMEOUT || self->vq.broken)
		(void)blk_device_start(self);
	return rc;
}

static int blk_range_check(const struct blk_dev *dev, uint64_t lba, size_t count)
{
	return lba <= dev->sectors && count <= dev->sectors - lba ? 0 : -DEV_E_RANGE;
}

static int blk_transfer(struct blk_dev *dev, uint32_t type, uint64_t lba, uint8_t *buf, size_t count)
{
	struct virtio_blk *self = dev->ctx;
	int rc = blk_range_check(dev, lba, count);

	assert((uintptr_t)buf % 8 == 0);
	mutex_lock(&self->lock);
	while (!rc && count) {
		size_t now = count < REQUEST_SECTORS_MAX ? count : REQUEST_SECTORS_MAX;

		rc = blk_request(self, type, lba, buf, (uint32_t)(now * BLK_SECTOR_BYTES));
		lba += now;
		buf += now * BLK_SECTOR_BYTES;
		count -= now;
	}
	mutex_unlock(&self->lock);
	return rc;
}

static int blk_read(struct blk_dev *dev, uint64_t lba, void *buf, size_t count)
{
	return blk_transfer(dev, BLK_T_IN, lba, buf, count);
}

/* The device reads from `buf` only; virtqueue_part has one kind of pointer for both directions. */
static int blk_write(struct blk_dev *dev, uint64_t lba, const void *buf, size_t count)
{
	return blk_transfer(dev, BLK_T_OUT, lba, (uint8_t *)(uintptr_t)buf, count);
}

/* Without the feature the device is write-through: what it reported as written is durable (§5.2.5.1). */
static int blk_flush(struct blk_dev *dev)
{
	struct virtio_blk *self = dev->ctx;
	int rc;

	if (!(self->virtio->features & BLK_F_FLUSH))
		return 0;
	mutex_lock(&self->lock);
	rc = blk_request(self, BLK_T_FLUSH, 0, NULL, 0);
	mutex_unlock(&self->lock);
	return rc;
}

static int blk_polled(struct virtio_blk *self, uint32_t type, uint64_t lba, const void *buf, uint32_t bytes)
{
	int rc = blk_submit(self, type, lba, (void *)(uintptr_t)buf, bytes);

	if (!rc)
		rc = virtio_wait_polled(&self->vq);
	return rc ? rc : blk_result(self, type, bytes);
}

/* The panic may have hit in the middle of a request or of the queue's bookkeeping: begin anew from the device's reset. */
static int blk_panic_write(struct blk_dev *dev, uint64_t lba, const void *buf, size_t count)
{
	struct virtio_blk *self = dev->ctx;
	int rc = blk_range_check(dev, lba, count);

	if (rc)
		return rc;
	if (count > REQUEST_SECTORS_MAX)
		return -DEV_E_RANGE;
	rc = blk_device_start(self);
	if (!rc)
		rc = blk_polled(self, BLK_T_OUT, lba, buf, (uint32_t)(count * BLK_SECTOR_BYTES));
	if (!rc && self->virtio->features & BLK_F_FLUSH)
		rc = blk_polled(self, BLK_T_FLUSH, 0, NULL, 0);
	return rc;
}

static const struct blk_ops blk_ops = {
	.read = blk_read,
	.write = blk_write,
	.flush = blk_flush,
	.panic_write = blk_panic_write,
};

int virtio_blk_probe(struct virtio_dev *virtio)
{
	int rc;

	if (blk.virtio)
		return -DEV_E_NODEV; /* one disk; a second one stays idle */
	blk.virtio = virtio;
	blk.vq_memory = driver_dma_alloc(virtqueue_bytes(QUEUE_SIZE) + 16 + sizeof(struct blk_shared));
	blk.shared =
		(struct blk_shared *)(void *)((uint8_t *)blk.vq_memory + (virtqueue_bytes(QUEUE_SIZE) + 15) / 16 * 16);
	rc = blk_device_start(&blk);
	if (rc)
		return rc;
	virtio_config_read(virtio, CONFIG_CAPACITY, &blk.dev.sectors, sizeof(blk.dev.sectors));
	virtio_irq_attach(virtio);
	blk.dev.ops = &blk_ops;
	blk.dev.ctx = &blk;
	dev_register_blk(&blk.dev);
	log_line(LOG_INFO, "blk: found sectors=%llu flush=%d", (unsigned long long)blk.dev.sectors,
		(virtio->features & BLK_F_FLUSH) != 0);
	return 0;
}
