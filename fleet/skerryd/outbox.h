/* SPDX-License-Identifier: Apache-2.0 */
/* What a group of changes wants published: it goes out when the group is committed, never before. */
#ifndef SKERRYD_OUTBOX_H
#define SKERRYD_OUTBOX_H

#include <jansson.h>

struct mqtt;

struct outbox_letter {
	struct outbox_letter *next;
	char *topic, *text;
};

struct outbox {
	const char *prefix; /* of every topic; borrowed */
	struct outbox_letter *first, **last;
};

void outbox_init(struct outbox *outbox, const char *prefix);
/* For <prefix>/<device>/<suffix>. Takes the reference to `body`. What does not fit into memory is lost: devices ask again. */
void outbox_add(struct outbox *outbox, const char *device, const char *suffix, json_t *body);
/* Publish and forget. */
void outbox_send(struct outbox *outbox, struct mqtt *mqtt);
void outbox_clear(struct outbox *outbox);

#endif
