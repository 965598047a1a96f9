/* SPDX-License-Identifier: Apache-2.0 */
/* Register names: VIRTIO 1.2 §4.2.2. DT binding: virtio/mmio.yaml. */
#include "virtio/virtio_mmio.h"

#include <string.h>

#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "kernel/time.h"

#include "drivers.h"
#include "mmio.h"

enum {
	MAGIC_VALUE = 0x000,
	VERSION = 0x004,
	DEVICE_ID = 0x008,
	DEVICE_FEATURES = 0x010,
	DEVICE_FEATURES_SEL = 0x014,
	DRIVER_FEATURES = 0x020,
	DRIVER_FEATURES_SEL = 0x024,
	QUEUE_SEL = 0x030,
	QUEUE_NUM_MAX = 0x034,
	QUEUE_NUM = 0x038,
	QUEUE_READY = 0x044,
	QUEUE_NOTIFY = 0x050,
	INTERRUPT_STATUS = 0x060,
	INTERRUPT_ACK = 0x064,
	STATUS = 0x070,
	QUEUE_DESC_LOW = 0x080,
	QUEUE_DESC_HIGH = 0x084,
	QUEUE_DRIVER_LOW = 0x090,
	QUEUE_DRIVER_HIGH = 0x094,
	QUEUE_DEVICE_LOW = 0x0a0,
	QUEUE_DEVICE_HIGH = 0x0a4,
	CONFIG_GENERATION = 0x0fc,
	CONFIG = 0x100,
};

#define MAGIC          0x74726976U /* "virt" */
#define VERSION_LEGACY 1U
#define VERSION_MODERN 2U

#define STATUS_ACKNOWLEDGE 1U
#define STATUS_DRIVER      2U
#define STATUS_DRIVER_OK   4U
#define STATUS_FEATURES_OK 8U

#define INTERRUPT_CONFIG 2U

#define RESET_SPIN_MAX   1000000U
#define POLL_SPIN_MAX    100000000U
#define CONFIG_TRIES_MAX 16

/* A device is found at boot and never goes away; this many slots in use are more than any board here wants. */
#define DEVICES_MAX 8
static struct virtio_dev devices[DEVICES_MAX];
static size_t devices_count;

static void status_add(struct virtio_dev *dev, uint32_t bits)
{
	mmio_write32(dev->regs, STATUS, mmio_read32(dev->regs, STATUS) | bits);
}

int virtio_reset(struct virtio_dev *dev)
{
	mmio_write32(dev->regs, STATUS, 0);
	for (unsigned int spin = 0; spin < RESET_SPIN_MAX; spin++)
		if (mmio_read32(dev->regs, STATUS) == 0)
			return 0;
	return -DEV_E_TIMEOUT;
}

static uint64_t features_offered(struct virtio_dev *dev)
{
	uint64_t low;

	mmio_write32(dev->regs, DEVICE_FEATURES_SEL, 0);
	low = mmio_read32(dev->regs, DEVICE_FEATURES);
	mmio_write32(dev->regs, DEVICE_FEATURES_SEL, 1);
	return low | (uint64_t)mmio_read32(dev->regs, DEVICE_FEATURES) << 32;
}

int virtio_negotiate(struct virtio_dev *dev, uint64_t wanted)
{
	int rc = virtio_reset(dev);

	if (rc)
		return rc;
	status_add(dev, STATUS_ACKNOWLEDGE);
	status_add(dev, STATUS_DRIVER);
	dev->features = features_offered(dev) & (wanted | VIRTIO_F_VERSION_1);
	if (!(dev->features & VIRTIO_F_VERSION_1))
		return -DEV_E_IO;
	mmio_write32(dev->regs, DRIVER_FEATURES_SEL, 0);
	mmio_write32(dev->regs, DRIVER_FEATURES, (uint32_t)dev->features);
	mmio_write32(dev->regs, DRIVER_FEATURES_SEL, 1);
	mmio_write32(dev->regs, DRIVER_FEATURES, (uint32_t)(dev->features >> 32));
	status_add(dev, STATUS_FEATURES_OK);
	/* A device that cannot work with this subset clears the bit again (§3.1.1 step 6). */
	return mmio_read32(dev->regs, STATUS) & STATUS_FEATURES_OK ? 0 : -DEV_E_IO;
}

static void queue_addr_set(struct virtio_dev *dev, size_t low, size_t high, const volatile void *addr)
{
	mmio_write32(dev->regs, low, (uint32_t)(uintptr_t)addr);
	mmio_write32(dev->regs, high, (uint32_t)((uint64_t)(uintptr_t)addr >> 32));
}

int virtio_queue_setup(struct virtio_dev *dev, uint32_t index, struct virtqueue *vq, void *memory, uint16_t size)
{
	uint32_t max;

	mmio_write32(dev->regs, QUEUE_SEL, index);
	if (mmio_read32(dev->regs, QUEUE_READY))
		return -DEV_E_IO; /* a device in reset has no ready queue (§4.2.3.2) */
	max = mmio_read32(dev->regs, QUEUE_NUM_MAX);
	if (max == 0)
		return -DEV_E_NODEV;
	while (size > max)
		size /= 2;
	virtqueue_init(vq, memory, size);
	mmio_write32(dev->regs, QUEUE_NUM, size);
	queue_addr_set(dev, QUEUE_DESC_LOW, QUEUE_DESC_HIGH, vq->desc);
	queue_addr_set(dev, QUEUE_DRIVER_LOW, QUEUE_DRIVER_HIGH, vq->avail);
	queue_addr_set(dev, QUEUE_DEVICE_LOW, QUEUE_DEVICE_HIGH, vq->used);
	mmio_write32(dev->regs, QUEUE_READY, 1);
	return 0;
}

void virtio_start(struct virtio_dev *dev)
{
	status_add(dev, STATUS_DRIVER_OK);
}

void virtio_notify(struct virtio_dev *dev, uint32_t index)
{
	dma_mb();
	mmio_write32(dev->regs, QUEUE_NOTIFY, index);
}

static void virtio_irq(void *arg)
{
	struct virtio_dev *dev = arg;
	uint32_t status = mmio_read32(dev->regs, INTERRUPT_STATUS);
	struct thread *waiter = dev->waiter;

	mmio_write32(dev->regs, INTERRUPT_ACK, status);
	if (status & INTERRUPT_CONFIG)
		dev->config_changed = true;
	if (waiter)
		thread_signal(waiter, dev->waiter_bits);
}

void virtio_irq_attach(struct virtio_dev *dev)
{
	irq_attach(dev->intid, virtio_irq, dev);
}

int virtio_wait_polled(const struct virtqueue *vq)
{
	for (unsigned int spin = 0; spin < POLL_SPIN_MAX; spin++)
		if (virtqueue_ready(vq))
			return 0;
	return -DEV_E_TIMEOUT;
}

int virtio_wait(struct virtio_dev *dev, const struct virtqueue *vq, uint32_t timeout_ms)
{
	struct thread *self = thread_self();
	uint64_t deadline_ms = time_now_ms() + timeout_ms;

	dev->waiter_bits = THREAD_SIG_DEV;
	dev->waiter = self;
	/* Looked at after the waiter is in place: a chain used before that raises no signal. */
	while (!virtqueue_ready(vq)) {
		if (time_now_ms() >= deadline_ms)
			break;
		if (self)
			(void)thread_wait(THREAD_SIG_DEV, deadline_ms);
	}
	dev->waiter = NULL;
	return virtqueue_ready(vq) ? 0 : -DEV_E_TIMEOUT;
}

/* Accesses as wide as the field, 64-bit ones in two halves (§4.2.2.2). */
static void config_copy(struct virtio_dev *dev, size_t off, void *buf, size_t width)
{
	if (width == 2) {
		uint16_t value = mmio_read16(dev->regs, CONFIG + off);

		memcpy(buf, &value, sizeof(value));
	} else if (width == 8) {
		uint64_t value = mmio_read32(dev->regs, CONFIG + off);

		value |= (uint64_t)mmio_read32(dev->regs, CONFIG + off + 4) << 32;
		memcpy(buf, &value, sizeof(value));
	} else {
		for (size_t i = 0; i < width; i++)
			((uint8_t *)buf)[i] = mmio_read8(dev->regs, CONFIG + off + i);
	}
}

void virtio_config_read(struct virtio_dev *dev, size_t off, void *buf, size_t width)
{
	for (int i = 0; i < CONFIG_TRIES_MAX; i++) {
		uint32_t before = mmio_read32(dev->regs, CONFIG_GENERATION);

		config_copy(dev, off, buf, width);
		if (mmio_read32(dev->regs, CONFIG_GENERATION) == before)
			return;
	}
}

static int virtio_driver_probe(struct virtio_dev *dev, uint32_t id)
{
	for (size_t i = 0; i < virtio_drivers_count; i++)
		if (virtio_drivers[i].id == id)
			return virtio_drivers[i].probe(dev);
	log_line(LOG_WARN, "virtio: skip reason=no-driver id=%u", (unsigned int)id);
	return -DEV_E_NODEV;
}

int virtio_mmio_probe(const struct driver_node *node)
{
	uint64_t base, bytes;
	uint32_t version, id;
	volatile void *regs;
	int intid = driver_irq(node, 0);
	int rc = driver_reg(node, 0, &base, &bytes);

	if (rc || intid < 0)
		return -DEV_E_INVAL;
	regs = driver_map(base, bytes);
	if (mmio_read32(regs, MAGIC_VALUE) != MAGIC)
		return -DEV_E_NODEV;
	version = mmio_read32(regs, VERSION);
	id = mmio_read32(regs, DEVICE_ID);
	if (id == 0)
		return -DEV_E_NODEV; /* an empty slot (§4.2.2.2) */
	if (version != VERSION_MODERN) {
		log_line(LOG_WARN, "virtio: skip reason=%s version=%u id=%u%s",
			version == VERSION_LEGACY ? "legacy" : "unknown-version", (unsigned int)version,
			(unsigned int)id, version == VERSION_LEGACY ? " remedy=force-legacy=false" : "");
		return -DEV_E_NODEV;
	}
	if (devices_count == DEVICES_MAX) {
		log_line(LOG_WARN, "virtio: skip reason=too-many max=%d", DEVICES_MAX);
		return -DEV_E_NODEV;
	}
	devices[devices_count] = (struct virtio_dev){.regs = regs, .intid = (uint32_t)intid};
	return virtio_driver_probe(&devices[devices_count++], id);
}
