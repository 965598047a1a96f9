/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/outbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "skerryd/mqtt.h"

void outbox_init(struct outbox *outbox, const char *prefix)
{
	*outbox = (struct outbox){.prefix = prefix};
	outbox->last = &outbox->first;
}

static void letter_free(struct outbox_letter *letter)
{
	free(letter->topic);
	free(letter->text);
	free(letter);
}

void outbox_add(struct outbox *outbox, const char *device, const char *suffix, json_t *body)
{
	struct outbox_letter *letter = calloc(1, sizeof *letter);
	if (letter && asprintf(&letter->topic, "%s/%s/%s", outbox->prefix, device, suffix) < 0)
		letter->topic = NULL;
	if (letter)
		letter->text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (!letter || !letter->topic || !letter->text) {
		if (letter)
			letter_free(letter);
		return;
	}
	*outbox->last = letter;
	outbox->last = &letter->next;
}

static void drain(struct outbox *outbox, struct mqtt *mqtt)
{
	struct outbox_letter *letter = outbox->first;
	while (letter) {
		struct outbox_letter *next = letter->next;
		if (mqtt)
			mqtt_publish(mqtt, letter->topic, letter->text);
		letter_free(letter);
		letter = next;
	}
	outbox->first = NULL;
	outbox->last = &outbox->first;
}

void outbox_send(struct outbox *outbox, struct mqtt *mqtt)
{
	drain(outbox, mqtt);
}

void outbox_clear(struct outbox *outbox)
{
	drain(outbox, NULL);
}
