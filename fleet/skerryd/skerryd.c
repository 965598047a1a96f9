/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/skerryd.h"

#include "skerryd/homeassistant.h"
#include "skerryd/http.h"
#include "skerryd/mqtt.h"
#include "skerryd/note.h"
#include "skerryd/rollouts.h"
#include "skerryd/webhook.h"

static void forget(struct skerryd *server)
{
	outbox_clear(&server->outbox);
	server->changed = 0;
	rollouts_settle(server, false);
}

static int failed(struct skerryd *server)
{
	server->metrics.store_failures++;
	forget(server);
	/* Once: a full disk fails with each message. */
	if (throttle_pass(&server->throttle, 's', store_error(server->store), note_now_ms()))
		note("store: failed error=\"%s\"%s", store_error(server->store),
			store_is_full(server->store) ? " remedy=\"free some space\"" : "");
	return -1;
}

int skerryd_begin(struct skerryd *server, enum store_durability durability)
{
	server->metrics.transaction_us = metrics_now_us();
	server->durability = durability;
	return store_begin(server->store, durability) < 0 ? failed(server) : 0;
}

int skerryd_commit(struct skerryd *server)
{
	if (store_commit(server->store) < 0)
		return failed(server);
	metrics_observe(&server->metrics.transaction[server->durability == STORE_KEPT_ON_POWER_CUT],
		metrics_now_us() - server->metrics.transaction_us);
	rollouts_settle(server, true);
	outbox_send(&server->outbox, server->mqtt);
	if (server->changed)
		http_wake(server->http, server->changed);
	server->changed = 0;
	return 0;
}

void skerryd_rollback(struct skerryd *server)
{
	(void)failed(server);
	store_rollback(server->store);
}

void skerryd_abandon(struct skerryd *server)
{
	forget(server);
	store_rollback(server->store);
}

int skerryd_event(struct skerryd *server, const struct store_event *event)
{
	server->changed |= CHANGED_EVENT;
	if (server->settings.verbose)
		note("event: %s device=%s %s", event->kind, event->device ? event->device : "-", event->text);
	if (store_event_add(server->store, event, note_now()) < 0)
		return -1;
	homeassistant_on_event(server, event);
	return webhook_on_event(server);
}
