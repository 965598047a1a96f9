/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/store_webhook.h"

#include "skerryd/store_priv.h"

int store_webhook_add(struct store *store, const struct store_webhook *webhook, int64_t now)
{
	return store_run(store,
		"INSERT INTO webhooks (id, tenant, url, secret, kinds, added_at) VALUES (?, nullif(?, ''), ?, ?, ?, ?)",
		"sssssi", webhook->id, webhook->tenant, webhook->url, webhook->secret, webhook->kinds, now);
}

int store_webhook_remove(struct store *store, const char *tenant, const char *id)
{
	if (store_run(store, "DELETE FROM webhooks WHERE id = ? AND (? = '' OR tenant = ?)", "sss", id, tenant,
		    tenant) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

int store_webhooks_json(struct store *store, const char *tenant, const char *id, json_t **webhooks)
{
	return store_select(store, webhooks,
		"SELECT id, tenant, url, kinds AS kinds_json, added_at AS addedAt, last_status AS lastStatus,"
		" last_at AS lastAt, last_delivery AS lastDelivery, last_error AS lastError,"
		" (SELECT count(*) FROM webhook_queue q WHERE q.webhook = w.id) AS queued FROM webhooks w"
		" WHERE (? = '' OR tenant = ?) AND (? IS NULL OR id = ?) ORDER BY added_at, id",
		"ssss", tenant, tenant, id, id);
}

int store_webhook_count(struct store *store, int64_t *webhooks, int64_t *queued)
{
	sqlite3_stmt *stmt;
	if (store_find(store, &stmt, "SELECT (SELECT count(*) FROM webhooks), (SELECT count(*) FROM webhook_queue)",
		    "") != 0)
		return -1;
	*webhooks = sqlite3_column_int64(stmt, 0);
	*queued = sqlite3_column_int64(stmt, 1);
	store_done(store, stmt);
	return 0;
}

int store_webhooks_of_json(struct store *store, const char *tenant, json_t **webhooks)
{
	return store_select(store, webhooks,
		"SELECT id, kinds AS kinds_json FROM webhooks WHERE tenant IS NULL OR tenant = ?", "s", tenant);
}

int store_event_newest_json(struct store *store, json_t **event)
{
	return store_select_one(store, event,
		"SELECT e.n AS n, e.time AS time, e.kind AS kind, e.device AS device, e.job AS job,"
		" e.rollout AS rollout, e.text AS text, e.details AS details_json,"
		" coalesce(e.tenant, d.tenant, r.tenant) AS tenant FROM events e LEFT JOIN devices d ON d.id = e.device"
		" LEFT JOIN rollouts r ON r.id = e.rollout WHERE e.n = (SELECT max(n) FROM events)",
		"");
}

int store_delivery_add(struct store *store, const char *webhook, const char *body, int64_t now, int64_t *dropped)
{
	if (store_run(store, "INSERT INTO webhook_queue (webhook, body, next_at, added_at) VALUES (?, ?, 0, ?)", "ssi",
		    webhook, body, now) < 0 ||
		store_run(store,
			"DELETE FROM webhook_queue WHERE webhook = ? AND n <= (SELECT n FROM webhook_queue"
			" WHERE webhook = ? ORDER BY n DESC LIMIT 1 OFFSET ?)",
			"ssi", webhook, webhook, (int64_t)STORE_WEBHOOK_QUEUE_MAX) < 0)
		return -1;
	*dropped = sqlite3_changes(store->db);
	return 0;
}

int store_deliveries_due_json(struct store *store, int64_t now, json_t **deliveries)
{
	return store_select(store, deliveries,
		"SELECT q.n AS n, w.id AS webhook, w.url AS url, w.secret AS secret, q.body AS body, q.tries AS tries,"
		" q.added_at AS addedAt FROM webhooks w JOIN webhook_queue q"
		" ON q.n = (SELECT min(n) FROM webhook_queue WHERE webhook = w.id) WHERE q.next_at <= ?",
		"i", now);
}

int store_delivery_remove(struct store *store, int64_t n)
{
	return store_run(store, "DELETE FROM webhook_queue WHERE n = ?", "i", n);
}

int store_delivery_retry(struct store *store, int64_t n, int64_t next_at)
{
	return store_run(
		store, "UPDATE webhook_queue SET tries = tries + 1, next_at = ? WHERE n = ?", "ii", next_at, n);
}

int store_webhook_outcome(struct store *store, const struct store_outcome *outcome, int64_t now)
{
	return store_run(store,
		"UPDATE webhooks SET last_status = nullif(?, 0), last_at = ?, last_delivery = ?, last_error = ? WHERE "
		"id = ?",
		"iisss", outcome->status, now, outcome->delivery, outcome->error, outcome->webhook);
}
