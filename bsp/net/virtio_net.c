/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio network device (VIRTIO 1.2 §5.1): one receive and one transmit queue, each with a buffer of its own per ring
 * entry; frames are copied at both ends. No checksum or segmentation offload: QEMU's user network offers none.
 * All calls but the interrupt are the network owner's thread.
 */
#include <string.h>

#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/thread.h"

#include "virtio/virtio_mmio.h"

#define NET_F_MAC      (1ULL << 5)
#define NET_F_STATUS   (1ULL << 16)
#define CONFIG_MAC     0
#define CONFIG_STATUS  6
#define STATUS_LINK_UP 1U

#define QUEUE_RX 0
#define QUEUE_TX 1

/*
 * 64 receive buffers hold a full TCP window of 44 segments and what else is on the wire; 32 frames to send are the
 * acknowledgements of a full receive ring.
 */
#define RX_SIZE         64
#define TX_SIZE         32
#define HEADER_BYTES    12 /* struct virtio_net_hdr with num_buffers, always there in version 1 (§5.1.6.1) */
#define FRAME_MIN_BYTES 14
#define FRAME_MAX_BYTES 1518
#define BUFFER_BYTES    1536
#define RX_NOTIFY_BATCH 16

struct virtio_net {
	struct net_dev dev;
	struct virtio_dev *virtio;
	struct virtqueue rx, tx;
	void *rx_memory, *tx_memory;
	uint8_t *rx_buffers, *tx_buffers; /* DMA; buffer i belongs to ring entry i */
	unsigned int rx_unannounced;      /* buffers given back since the last doorbell */
	bool link_up;
};

static struct virtio_net net;

/* Give one buffer to the device to receive into: that of the entry the queue will use. */
static int rx_give(struct virtio_net *self)
{
	int head = virtqueue_next_head(&self->rx);
	struct virtqueue_part part = {.len = BUFFER_BYTES, .device_writes = true};

	if (head < 0)
		return head;
	part.addr = self->rx_buffers + (size_t)head * BUFFER_BYTES;
	head = virtqueue_add(&self->rx, &part, 1);
	self->rx_unannounced++;
	return head < 0 ? head : 0;
}

static void rx_announce(struct virtio_net *self)
{
	self->rx_unannounced = 0;
	if (virtqueue_wants_notify(&self->rx))
		virtio_notify(self->virtio, QUEUE_RX);
}

static void link_read(struct virtio_net *self)
{
	uint16_t status = STATUS_LINK_UP;

	self->virtio->config_changed = false;
	if (self->virtio->features & NET_F_STATUS)
		virtio_config_read(self->virtio, CONFIG_STATUS, &status, sizeof(status));
	self->link_up = status & STATUS_LINK_UP;
}

static int net_device_start(struct virtio_net *self)
{
	int rc = virtio_negotiate(self->virtio, NET_F_MAC | NET_F_STATUS);

	if (!rc)
		rc = virtio_queue_setup(self->virtio, QUEUE_RX, &self->rx, self->rx_memory, RX_SIZE);
	if (!rc)
		rc = virtio_queue_setup(self->virtio, QUEUE_TX, &self->tx, self->tx_memory, TX_SIZE);
	if (rc)
		return rc;
	virtqueue_interrupts(&self->tx, false);
	virtio_start(self->virtio);
	while (rx_give(self) == 0)
		;
	rx_announce(self);
	link_read(self);
	return 0;
}

static void net_device_restart(struct virtio_net *self, const char *queue)
{
	int rc = net_device_start(self);

	log_line(LOG_ERR, "net: device.reset reason=bad-ring queue=%s rc=%d", queue, rc);
}

static void tx_reclaim(struct virtio_net *self)
{
	uint32_t written;
	int head;

	do
		head = virtqueue_take(&self->tx, &written);
	while (head >= 0);
	if (head == -DEV_E_IO)
		net_device_restart(self, "tx");
}

/* The entry for the next frame. A full ring raises an interrupt as soon as there is room, which signals the owner. */
static int tx_next(struct virtio_net *self)
{
	int head;

	tx_reclaim(self);
	head = virtqueue_next_head(&self->tx);
	if (head >= 0)
		return head;
	virtqueue_interrupts(&self->tx, true);
	tx_reclaim(self);
	return virtqueue_next_head(&self->tx);
}

static int net_send(struct net_dev *dev, const void *const *parts, const size_t *lens, size_t count)
{
	struct virtio_net *self = dev->ctx;
	struct virtqueue_part out = {.len = HEADER_BYTES};
	int head = tx_next(self);

	if (head < 0)
		return -DEV_E_AGAIN;
	virtqueue_interrupts(&self->tx, false);
	out.addr = self->tx_buffers + (size_t)head * BUFFER_BYTES;
	for (size_t i = 0; i < count; i++) {
		if (lens[i] > HEADER_BYTES + FRAME_MAX_BYTES - out.len)
			return -DEV_E_INVAL;
		memcpy((uint8_t *)out.addr + out.len, parts[i], lens[i]);
		out.len += (uint32_t)lens[i];
	}
	if (virtqueue_add(&self->tx, &out, 1) < 0)
		return -DEV_E_AGAIN;
	if (virtqueue_wants_notify(&self->tx))
		virtio_notify(self->virtio, QUEUE_TX);
	return 0;
}

static void net_recv_done(struct net_dev *dev)
{
	struct virtio_net *self = dev->ctx;

	(void)rx_give(self);
	if (self->rx_unannounced >= RX_NOTIFY_BATCH)
		rx_announce(self);
}

static int net_recv(struct net_dev *dev, const uint8_t **frame)
{
	struct virtio_net *self = dev->ctx;
	uint32_t written;
	int head;

	while ((head = virtqueue_take(&self->rx, &written)) >= 0) {
		if (written >= HEADER_BYTES + FRAME_MIN_BYTES) {
			*frame = self->rx_buffers + (size_t)head * BUFFER_BYTES + HEADER_BYTES;
			return (int)(written - HEADER_BYTES);
		}
		net_recv_done(dev);
	}
	if (head == -DEV_E_IO)
		net_device_restart(self, "rx");
	if (self->rx_unannounced)
		rx_announce(self);
	return -DEV_E_AGAIN;
}

static void net_listen(struct net_dev *dev, struct thread *thread)
{
	struct virtio_net *self = dev->ctx;

	self->virtio->waiter_bits = THREAD_SIG_NET;
	self->virtio->waiter = thread;
	/* Frames that came before have raised their interrupt already. */
	thread_signal(thread, THREAD_SIG_NET);
}

static bool net_link_up(struct net_dev *dev)
{
	struct virtio_net *self = dev->ctx;

	if (self->virtio->config_changed)
		link_read(self);
	return self->link_up;
}

static const struct net_ops net_ops = {
	.send = net_send,
	.recv = net_recv,
	.recv_done = net_recv_done,
	.listen = net_listen,
	.link_up = net_link_up,
};

static void net_memory_alloc(struct virtio_net *self)
{
	self->rx_memory = driver_dma_alloc(virtqueue_bytes(RX_SIZE));
	self->tx_memory = driver_dma_alloc(virtqueue_bytes(TX_SIZE));
	self->rx_buffers = driver_dma_alloc(RX_SIZE * BUFFER_BYTES);
	self->tx_buffers = driver_dma_alloc(TX_SIZE * BUFFER_BYTES);
}

int virtio_net_probe(struct virtio_dev *virtio)
{
	int rc;

	if (net.virtio)
		return -DEV_E_NODEV;
	net.virtio = virtio;
	net_memory_alloc(&net);
	rc = net_device_start(&net);
	if (rc)
		return rc;
	if (virtio->features & NET_F_MAC)
		virtio_config_read(virtio, CONFIG_MAC, net.dev.mac, sizeof(net.dev.mac));
	virtio_irq_attach(virtio);
	net.dev.ops = &net_ops;
	net.dev.ctx = &net;
	dev_register_net(&net.dev);
	return 0;
}
