/* SPDX-License-Identifier: Apache-2.0 */
#include "msg_queue.h"

#include <assert.h>
#include <string.h>

struct msg_header {
	uint16_t name_len, data_len;
};

static void ring_put(struct msg_queue *queue, const void *data, size_t len)
{
	size_t at = (queue->head + queue->used) % MSG_QUEUE_BYTES;
	size_t first = len < MSG_QUEUE_BYTES - at ? len : MSG_QUEUE_BYTES - at;

	if (len == 0)
		return;
	memcpy(queue->bytes + at, data, first);
	memcpy(queue->bytes, (const uint8_t *)data + first, len - first);
	queue->used += len;
}

static void ring_take(struct msg_queue *queue, void *data, size_t len)
{
	size_t first = len < MSG_QUEUE_BYTES - queue->head ? len : MSG_QUEUE_BYTES - queue->head;

	memcpy(data, queue->bytes + queue->head, first);
	memcpy((uint8_t *)data + first, queue->bytes, len - first);
	queue->head = (queue->head + len) % MSG_QUEUE_BYTES;
	queue->used -= len;
}

int msg_queue_put(struct msg_queue *queue, const char *name, const void *data, size_t len)
{
	size_t name_len = strlen(name);
	struct msg_header header = {(uint16_t)name_len, (uint16_t)len};

	assert(name_len < APP_NAME_MAX && len <= APP_DATA_MAX);
	if (sizeof(header) + name_len + len > MSG_QUEUE_BYTES - queue->used)
		return -APP_E_FULL;
	ring_put(queue, &header, sizeof(header));
	ring_put(queue, name, name_len);
	ring_put(queue, data, len);
	return 0;
}

int msg_queue_take(struct msg_queue *queue, struct app_message *message)
{
	struct msg_header header;

	if (queue->used == 0)
		return 0;
	ring_take(queue, &header, sizeof(header));
	assert(header.name_len < APP_NAME_MAX && header.data_len <= APP_DATA_MAX);
	ring_take(queue, message->name, header.name_len);
	message->name[header.name_len] = '\0';
	message->len = header.data_len;
	ring_take(queue, message->data, header.data_len);
	return 1;
}
