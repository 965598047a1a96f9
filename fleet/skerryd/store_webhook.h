/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the database that holds webhooks, and what is still to be delivered to them. As store.h. Tenant "": all tenants. */
#ifndef SKERRYD_STORE_WEBHOOK_H
#define SKERRYD_STORE_WEBHOOK_H

#include "skerryd/store.h"

#define STORE_WEBHOOK_QUEUE_MAX 1000 /* deliveries per webhook; a further one pushes the oldest out */

struct store_webhook {
	const char *id, *tenant, *url, *secret;
	const char *kinds; /* JSON array of text; empty: all */
};
int store_webhook_add(struct store *store, const struct store_webhook *webhook, int64_t now) STORE_CHECK;
/* With its queue. STORE_NONE: the tenant has none of this id. */
int store_webhook_remove(struct store *store, const char *tenant, const char *id) STORE_CHECK;
/* Without secrets, with the number of deliveries that wait. `id` NULL: all of the tenant. */
int store_webhooks_json(struct store *store, const char *tenant, const char *id, json_t **webhooks) STORE_CHECK;
int store_webhook_count(struct store *store, int64_t *webhooks, int64_t *queued) STORE_CHECK;
/* Webhooks that hear of what happens in `tenant`: rows {"id", "kinds"}. */
int store_webhooks_of_json(struct store *store, const char *tenant, json_t **webhooks) STORE_CHECK;

/* The newest event, with its tenant if it has one. */
int store_event_newest_json(struct store *store, json_t **event) STORE_CHECK;

/* Append. *dropped: how many older ones were pushed out. */
int store_delivery_add(
	struct store *store, const char *webhook, const char *body, int64_t now, int64_t *dropped) STORE_CHECK;
/* Of each webhook the oldest delivery, if its time has come: rows {"n", "webhook", "url", "secret", "body", "tries", "addedAt"}. */
int store_deliveries_due_json(struct store *store, int64_t now, json_t **deliveries) STORE_CHECK;
int store_delivery_remove(struct store *store, int64_t n) STORE_CHECK;
/* It failed: the next try is at `next_at`. */
int store_delivery_retry(struct store *store, int64_t n, int64_t next_at) STORE_CHECK;

struct store_outcome {
	const char *webhook, *delivery;
	int64_t status;    /* HTTP status; 0: there was no answer */
	const char *error; /* NULL: it was taken */
};
int store_webhook_outcome(struct store *store, const struct store_outcome *outcome, int64_t now) STORE_CHECK;

#endif
