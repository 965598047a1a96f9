/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio_fake.h"

#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "mmio.h"
#include "virtio/virtqueue.h"

#include "kernel_fake.h"

struct virtio_fake virtio_fake;

static struct virtio_fake_queue *selected(struct virtio_fake *fake)
{
	static struct virtio_fake_queue none;

	return fake->queue_sel < VIRTIO_FAKE_QUEUES ? &fake->queues[fake->queue_sel] : &none;
}

static void device_reset(struct virtio_fake *fake)
{
	memset(fake->queues, 0, sizeof(fake->queues));
	fake->status = 0;
	fake->driver_features = 0;
	fake->interrupt = 0;
	fake->resets++;
}

static void chain_read(const struct virtio_fake_queue *queue, uint16_t head, struct virtio_fake_chain *chain)
{
	const struct virtq_desc *desc = (const struct virtq_desc *)(uintptr_t)queue->desc;
	uint16_t index = head;

	for (;;) {
		if (chain->count == VIRTIO_FAKE_PARTS_MAX || index >= queue->size)
			abort();
		chain->parts[chain->count++] = (struct virtio_fake_part){
			(uint8_t *)(uintptr_t)desc[index].addr, desc[index].len, desc[index].flags & 2};
		if (!(desc[index].flags & 1))
			return;
		index = desc[index].next;
	}
}

static uint32_t chain_writable_bytes(const struct virtio_fake_chain *chain)
{
	uint32_t bytes = 0;

	for (size_t i = 0; i < chain->count; i++)
		bytes += chain->parts[i].writable ? chain->parts[i].len : 0;
	return bytes;
}

static void chain_serve(struct virtio_fake *fake, uint32_t index, uint16_t head)
{
	struct virtio_fake_queue *queue = &fake->queues[index];
	struct virtq_used *used = (struct virtq_used *)(uintptr_t)queue->used;
	struct virtio_fake_chain chain = {.queue = index, .head = head};
	struct virtio_fake_answer answer = {.id = head};

	chain_read(queue, head, &chain);
	answer.len = chain_writable_bytes(&chain);
	fake->serve(fake, &chain, &answer);
	if (answer.silent)
		return;
	used->ring[queue->used_idx % queue->size] = (struct virtq_used_elem){answer.id, answer.len};
	queue->used_idx++;
	used->idx = (uint16_t)(queue->used_idx + answer.idx_ahead);
}

void virtio_fake_run(struct virtio_fake *fake, uint32_t index)
{
	struct virtio_fake_queue *queue = &fake->queues[index];
	const struct virtq_avail *avail = (const struct virtq_avail *)(uintptr_t)queue->avail;

	if (!queue->ready || !(fake->status & 4))
		return;
	while (queue->avail_idx != avail->idx)
		chain_serve(fake, index, avail->ring[queue->avail_idx++ % queue->size]);
	fake->interrupt |= 1;
	if (kernel_fake.irq_handler)
		kernel_fake.irq_handler(kernel_fake.irq_arg);
}

static void status_write(struct virtio_fake *fake, uint32_t status)
{
	if (status == 0)
		device_reset(fake);
	else
		fake->status = status;
}

static void addr_write(uint64_t *addr, bool high, uint64_t value)
{
	*addr = high ? (*addr & UINT32_MAX) | value << 32 : (*addr & ~(uint64_t)UINT32_MAX) | value;
}

void fake_mmio_write(volatile void *base, size_t off, size_t width, uint64_t value)
{
	struct virtio_fake *fake = (struct virtio_fake *)(uintptr_t)base;
	struct virtio_fake_queue *queue = selected(fake);

	(void)width;
	switch (off) {
	case 0x014:
	case 0x024:
		fake->features_sel = (uint32_t)value;
		break;
	case 0x020:
		addr_write(&fake->driver_features, fake->features_sel, value);
		break;
	case 0x030:
		fake->queue_sel = (uint32_t)value;
		break;
	case 0x038:
		queue->size = (uint32_t)value;
		break;
	case 0x044:
		queue->ready = (uint32_t)value;
		break;
	case 0x050:
		if (!fake->hold)
			virtio_fake_run(fake, (uint32_t)value);
		break;
	case 0x064:
		fake->interrupt &= ~(uint32_t)value;
		break;
	case 0x070:
		status_write(fake, (uint32_t)value);
		break;
	case 0x080:
	case 0x084:
		addr_write(&queue->desc, off & 4, value);
		break;
	case 0x090:
	case 0x094:
		addr_write(&queue->avail, off & 4, value);
		break;
	case 0x0a0:
	case 0x0a4:
		addr_write(&queue->used, off & 4, value);
		break;
	default:
		abort();
	}
}

uint64_t fake_mmio_read(const volatile void *base, size_t off, size_t width)
{
	struct virtio_fake *fake = (struct virtio_fake *)(uintptr_t)base;
	uint64_t value = 0;

	if (off >= 0x100) {
		memcpy(&value, fake->config + (off - 0x100), width);
		return value;
	}
	switch (off) {
	case 0x000:
		return 0x74726976;
	case 0x004:
		return fake->version;
	case 0x008:
		return fake->id;
	case 0x010:
		return (uint32_t)(fake->features >> (fake->features_sel ? 32 : 0));
	case 0x034:
		return fake->queue_sel < VIRTIO_FAKE_QUEUES ? fake->queue_max : 0;
	case 0x044:
		return selected(fake)->ready;
	case 0x060:
		return fake->interrupt;
	case 0x070:
		return fake->status;
	case 0x0fc:
		return 0;
	default:
		abort();
	}
}

int virtio_fake_probe(void)
{
	const struct driver_node node = {.fdt = &virtio_fake};

	return virtio_mmio_probe(&node);
}
