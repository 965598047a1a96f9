/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker's thread has for the main loop: a bounded queue. When it is full the broker's thread waits, so that the flood stays in the
 * network. The only place where the two threads meet, but for mqtt_publish().
 */
#ifndef SKERRYD_INBOX_H
#define SKERRYD_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/error.h"

enum inbox_kind {
	INBOX_MESSAGE = 1,
	INBOX_CONNECTED,  /* what follows comes by a new connection */
	INBOX_SUBSCRIBED, /* from now on nothing that a device says is missed */
	INBOX_LOST,
};

struct inbox_item {
	struct inbox_item *next;
	enum inbox_kind kind;
	bool retained;
	char *topic; /* MESSAGE: the topic; LOST: the reason. owned */
	size_t len;
	char payload[]; /* len bytes */
};

struct inbox;

int inbox_open(struct inbox **inbox, struct fleet_error *error) __attribute__((warn_unused_result));
/* When the other thread has ended. */
void inbox_free(struct inbox *inbox);
/* Readable when there is something. */
int inbox_fd(const struct inbox *inbox);

struct inbox_letter {
	enum inbox_kind kind;
	bool retained;
	const char *topic;
	const void *payload;
	size_t len;
};
/* The broker's thread: append a copy; waits while the queue is full, until it is closed. */
void inbox_put(struct inbox *inbox, const struct inbox_letter *letter);
/* How many wait in it. */
unsigned inbox_count(struct inbox *inbox);
/* The main loop: the oldest, NULL: empty. Free with inbox_item_free(). */
struct inbox_item *inbox_take(struct inbox *inbox);
void inbox_item_free(struct inbox_item *item);
/* Nobody waits any more and nothing is taken in. */
void inbox_close(struct inbox *inbox);

#endif
