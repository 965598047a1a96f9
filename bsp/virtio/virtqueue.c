/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio/virtqueue.h"

#include <assert.h>
#include <string.h>

#include "kernel/dev.h"

#include "mmio.h"

#define DESC_F_NEXT          1U
#define DESC_F_WRITE         2U
#define AVAIL_F_NO_INTERRUPT 1U
#define USED_F_NO_NOTIFY     1U

static size_t avail_off(uint16_t size)
{
	return sizeof(struct virtq_desc) * size;
}

/* The used ring is written by the device alone: a cache line of its own. §2.7 asks for 4-byte alignment. */
static size_t used_off(uint16_t size)
{
	size_t end = avail_off(size) + sizeof(struct virtq_avail) + sizeof(uint16_t) * (size + 1U);

	return (end + 63) & ~(size_t)63;
}

size_t virtqueue_bytes(uint16_t size)
{
	return used_off(size) + sizeof(struct virtq_used) + sizeof(struct virtq_used_elem) * size + sizeof(uint16_t);
}

void virtqueue_init(struct virtqueue *vq, void *memory, uint16_t size)
{
	uint8_t *base = memory;

	assert(size > 0 && size <= VIRTQUEUE_SIZE_MAX && (size & (size - 1)) == 0);
	memset(memory, 0, virtqueue_bytes(size));
	memset(vq, 0, sizeof(*vq));
	vq->desc = (struct virtq_desc *)base;
	vq->avail = (struct virtq_avail *)(base + avail_off(size));
	vq->used = (struct virtq_used *)(base + used_off(size));
	vq->size = size;
	vq->free_count = size;
	for (uint16_t i = 0; i < size; i++)
		vq->next[i] = (uint16_t)(i + 1);
}

static void desc_fill(struct virtqueue *vq, uint16_t index, const struct virtqueue_part *part, bool last)
{
	volatile struct virtq_desc *desc = &vq->desc[index];

	desc->addr = (uintptr_t)part->addr;
	desc->len = part->len;
	desc->flags = (uint16_t)((part->device_writes ? DESC_F_WRITE : 0U) | (last ? 0U : DESC_F_NEXT));
	desc->next = last ? 0 : vq->next[index];
}

int virtqueue_add(struct virtqueue *vq, const struct virtqueue_part *parts, size_t count)
{
	uint16_t head = vq->free_head, index = head;
	uint32_t writable = 0;

	assert(count > 0);
	if (vq->broken)
		return -DEV_E_IO;
	if (count > vq->free_count)
		return -DEV_E_AGAIN;
	for (size_t i = 0; i < count; i++) {
		desc_fill(vq, index, &parts[i], i + 1 == count);
		writable += parts[i].device_writes ? parts[i].len : 0;
		index = vq->next[index];
	}
	vq->free_head = index;
	vq->free_count = (uint16_t)(vq->free_count - count);
	vq->length[head] = (uint16_t)count;
	vq->writable_bytes[head] = writable;
	vq->chains++;
	vq->avail->ring[vq->avail_idx % vq->size] = head;
	dma_wmb(); /* descriptors and ring entry before the index that publishes them (§2.7.13.3) */
	vq->avail->idx = ++vq->avail_idx;
	return head;
}

bool virtqueue_ready(const struct virtqueue *vq)
{
	return vq->broken || vq->used->idx != vq->used_idx;
}

int virtqueue_next_head(const struct virtqueue *vq)
{
	if (vq->broken)
		return -DEV_E_IO;
	return vq->free_count ? vq->free_head : -DEV_E_AGAIN;
}

bool virtqueue_wants_notify(const struct virtqueue *vq)
{
	dma_mb(); /* the index published before the flag read, or both sides may rest (§2.7.13.4.1) */
	return !(vq->used->flags & USED_F_NO_NOTIFY);
}

static int virtqueue_break(struct virtqueue *vq)
{
	vq->broken = true;
	return -DEV_E_IO;
}

/* Put the chain at `head` back in front of the free list. */
static void chain_free(struct virtqueue *vq, uint16_t head)
{
	uint16_t last = head, length = vq->length[head];

	for (uint16_t i = 1; i < length; i++)
		last = vq->next[last];
	vq->next[last] = vq->free_head;
	vq->free_head = head;
	vq->free_count = (uint16_t)(vq->free_count + length);
	vq->length[head] = 0;
	vq->chains--;
}

int virtqueue_take(struct virtqueue *vq, uint32_t *written)
{
	uint32_t id, len;
	uint16_t pending;

	if (vq->broken)
		return -DEV_E_IO;
	pending = (uint16_t)(vq->used->idx - vq->used_idx);
	if (pending == 0)
		return -DEV_E_AGAIN;
	if (pending > vq->chains)
		return virtqueue_break(vq);
	dma_rmb(); /* the index before the entry it vouches for */
	id = vq->used->ring[vq->used_idx % vq->size].id;
	len = vq->used->ring[vq->used_idx % vq->size].len;
	if (id >= vq->size || vq->length[id] == 0 || len > vq->writable_bytes[id])
		return virtqueue_break(vq);
	vq->used_idx++;
	chain_free(vq, (uint16_t)id);
	*written = len;
	return (int)id;
}

void virtqueue_interrupts(struct virtqueue *vq, bool on)
{
	vq->avail->flags = on ? 0 : AVAIL_F_NO_INTERRUPT;
	dma_mb(); /* the wish before the look at the used ring that follows (§2.7.7.1) */
}
