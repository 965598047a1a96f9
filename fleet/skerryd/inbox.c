/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/inbox.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ITEMS_MAX 512 /* of up to 64 KiB */

struct inbox {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct inbox_item *first, **last;
	unsigned count;
	bool closed;
	int fd;
};

int inbox_open(struct inbox **out, struct fleet_error *error)
{
	struct inbox *inbox = calloc(1, sizeof *inbox);
	if (!inbox)
		return fleet_fail(error, NULL, "out of memory");
	inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (inbox->fd < 0) {
		free(inbox);
		return fleet_fail_errno(error, NULL, "cannot make an eventfd");
	}
	pthread_mutex_init(&inbox->lock, NULL);
	pthread_cond_init(&inbox->room, NULL);
	inbox->last = &inbox->first;
	*out = inbox;
	return 0;
}

void inbox_free(struct inbox *inbox)
{
	struct inbox_item *item;
	if (!inbox)
		return;
	while ((item = inbox_take(inbox)))
		inbox_item_free(item);
	pthread_cond_destroy(&inbox->room);
	pthread_mutex_destroy(&inbox->lock);
	close(inbox->fd);
	free(inbox);
}

int inbox_fd(const struct inbox *inbox)
{
	return inbox->fd;
}

void inbox_item_free(struct inbox_item *item)
{
	free(item->topic);
	free(item);
}

static struct inbox_item *copy_letter(const struct inbox_letter *letter)
{
	struct inbox_item *item = calloc(1, sizeof *item + letter->len + 1);
	if (!item)
		return NULL;
	item->kind = letter->kind;
	item->retained = letter->retained;
	item->len = letter->len;
	if (letter->len)
		memcpy(item->payload, letter->payload, letter->len);
	item->topic = strdup(letter->topic ? letter->topic : "");
	if (item->topic)
		return item;
	free(item);
	return NULL;
}

void inbox_put(struct inbox *inbox, const struct inbox_letter *letter)
{
	struct inbox_item *item = copy_letter(letter);
	if (!item)
		return; /* lost like any message: the device repeats what is not answered */
	pthread_mutex_lock(&inbox->lock);
	while (inbox->count >= ITEMS_MAX && !inbox->closed)
		pthread_cond_wait(&inbox->room, &inbox->lock);
	/* It stays readable until inbox_take() found nothing: to say it once is enough, and a system call less for each message. */
	bool closed = inbox->closed, was_empty = !inbox->first;
	if (!closed) {
		*inbox->last = item;
		inbox->last = &item->next;
		inbox->count++;
	}
	pthread_mutex_unlock(&inbox->lock);
	if (closed) {
		inbox_item_free(item);
		return;
	}
	const uint64_t one = 1;
	if (was_empty)
		(void)!write(inbox->fd, &one, sizeof one); /* fails only when it is readable anyhow */
}

struct inbox_item *inbox_take(struct inbox *inbox)
{
	uint64_t count;
	pthread_mutex_lock(&inbox->lock);
	struct inbox_item *item = inbox->first;
	if (item) {
		inbox->first = item->next;
		inbox->count--;
		if (!inbox->first)
			inbox->last = &inbox->first;
		pthread_cond_signal(&inbox->room);
	} else {
		(void)!read(inbox->fd, &count, sizeof count);
	}
	pthread_mutex_unlock(&inbox->lock);
	return item;
}

void inbox_close(struct inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	inbox->closed = true;
	pthread_cond_broadcast(&inbox->room);
	pthread_mutex_unlock(&inbox->lock);
}

unsigned inbox_count(struct inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	unsigned count = inbox->count;
	pthread_mutex_unlock(&inbox->lock);
	return count;
}
