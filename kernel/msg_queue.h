/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of named messages of variable length, in a ring of bytes. The caller serialises. */
#ifndef KERNEL_MSG_QUEUE_H
#define KERNEL_MSG_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/app_port.h"

#define MSG_QUEUE_BYTES 8192

/* Zero-initialised = empty. */
struct msg_queue {
	size_t head, used;
	uint8_t bytes[MSG_QUEUE_BYTES];
};

/* 0, or -APP_E_FULL. `name`: valid, `len` <= APP_DATA_MAX. */
int msg_queue_put(struct msg_queue *queue, const char *name, const void *data, size_t len);

/* The oldest message: 1 and `*message` filled in, or 0. */
int msg_queue_take(struct msg_queue *queue, struct app_message *message);

#endif
