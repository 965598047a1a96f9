/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/webhook.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "skerryd/http.h"
#include "skerryd/note.h"
#include "skerryd/store_webhook.h"

#define LOOK_MS       1000
#define FIRST_PAUSE_S 2
#define PAUSE_MAX_S   3600
#define GIVE_UP_S     86400

/* ---- start and end ---- */

void webhook_recount(struct skerryd *server)
{
	int64_t queued;
	if (store_webhook_count(server->store, &server->webhooks.count, &queued) < 0)
		server->webhooks.count = 1; /* better to look in vain */
	server->webhooks.due_ms = 0;
}

int webhook_start(struct skerryd *server, struct fleet_error *error)
{
	const struct webhook_rules rules = {server->settings.webhook_private, server->settings.webhook_ca};
	webhook_recount(server);
	return webhook_posts_open(&rules, &server->webhooks.posts, error);
}

void webhook_stop(struct skerryd *server)
{
	webhook_posts_close(server->webhooks.posts);
	server->webhooks.posts = NULL;
}

/* ---- into the queue ---- */

/* {"id", "time", "kind", …} as text; its id into delivery[]. Takes the reference to `event`, NULL: none. */
static char *make_body(const char *kind, json_t *event, char delivery[33])
{
	note_random_id(delivery, 33);
	json_t *body = json_pack(
		"{s:s, s:I, s:s, s:o*}", "id", delivery, "time", (json_int_t)note_now(), "kind", kind, "event", event);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	return text;
}

static int enqueue(struct skerryd *server, const char *webhook, char *body)
{
	int64_t dropped = 0;
	int rc = body ? store_delivery_add(server->store, webhook, body, note_now(), &dropped) : 0;
	free(body);
	server->metrics.webhook_drops += (uint64_t)dropped;
	server->webhooks.due_ms = 0;
	return rc;
}

static bool wants(const json_t *webhook, const char *kind)
{
	const json_t *kinds = json_object_get(webhook, "kinds"), *one;
	size_t index;
	json_array_foreach(kinds, index, one)
	{
		if (strcmp(json_string_value(one), kind) == 0)
			return true;
	}
	return json_array_size(kinds) == 0;
}

static int enqueue_for_all(struct skerryd *server, json_t *event)
{
	const char *tenant = json_string_value(json_object_get(event, "tenant"));
	const char *kind = json_string_value(json_object_get(event, "kind"));
	json_t *webhooks, *webhook;
	char delivery[33];
	size_t index;
	if (store_webhooks_of_json(server->store, tenant ? tenant : "", &webhooks) < 0)
		return -1;
	int rc = 0;
	json_array_foreach(webhooks, index, webhook)
	{
		if (rc == 0 && wants(webhook, kind))
			rc = enqueue(server, json_string_value(json_object_get(webhook, "id")),
				make_body(kind, json_incref(event), delivery));
	}
	json_decref(webhooks);
	return rc;
}

int webhook_on_event(struct skerryd *server)
{
	json_t *event;
	if (server->webhooks.count == 0)
		return 0;
	int rc = store_event_newest_json(server->store, &event);
	if (rc)
		return rc < 0 ? -1 : 0;
	rc = enqueue_for_all(server, event);
	json_decref(event);
	return rc;
}

int webhook_test(struct skerryd *server, const char *webhook, char delivery[33])
{
	return enqueue(server, webhook, make_body("test", NULL, delivery));
}

/* ---- out of the queue ---- */

int64_t webhook_pause_s(int64_t tries, uint32_t random)
{
	int64_t pause = tries < 11 ? FIRST_PAUSE_S << tries : PAUSE_MAX_S;
	if (pause > PAUSE_MAX_S)
		pause = PAUSE_MAX_S;
	/* A fifth more or less: what failed together does not come back together. */
	return pause + pause * ((int64_t)(random % 401) - 200) / 1000;
}

static uint32_t random_number(void)
{
	char id[9];
	note_random_id(id, sizeof id);
	return (uint32_t)strtoul(id, NULL, 16);
}

static int settle(struct skerryd *server, const struct webhook_result *result)
{
	const struct webhook_post *post = result->post;
	int64_t now = note_now();
	const struct store_outcome outcome = {post->webhook, post->delivery, result->status, result->error};
	if (store_webhook_outcome(server->store, &outcome, now) < 0)
		return -1;
	if (!result->error)
		return store_delivery_remove(server->store, post->n);
	if (now - post->added_at < GIVE_UP_S)
		return store_delivery_retry(
			server->store, post->n, now + webhook_pause_s(post->tries, random_number()));
	note("webhook: given-up webhook=%s delivery=%s reason=\"%s\"", post->webhook, post->delivery, result->error);
	server->metrics.webhook_drops++;
	return store_delivery_remove(server->store, post->n);
}

static void on_done(void *ctx, const struct webhook_result *result)
{
	struct skerryd *server = ctx;
	server->metrics.deliveries[result->error == NULL]++;
	server->webhooks.due_ms = 0;
	if (result->error && throttle_pass(&server->throttle, 'w', result->post->webhook, note_now_ms()))
		note("webhook: failed webhook=%s try=%lld reason=\"%s\"", result->post->webhook,
			(long long)result->post->tries + 1, result->error);
	/* When the database fails it is sent again: at least once. */
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	if (settle(server, result) < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}

static void start_post(struct skerryd *server, const json_t *row)
{
	struct webhook_post post = {.n = json_integer_value(json_object_get(row, "n")),
		.webhook = json_string_value(json_object_get(row, "webhook")),
		.url = json_string_value(json_object_get(row, "url")),
		.secret = json_string_value(json_object_get(row, "secret")),
		.body = json_string_value(json_object_get(row, "body")),
		.tries = json_integer_value(json_object_get(row, "tries")),
		.added_at = json_integer_value(json_object_get(row, "addedAt"))};
	if (webhook_post_is_under_way(server->webhooks.posts, post.webhook))
		return;
	json_t *body = json_loads(post.body, 0, NULL);
	post.delivery = json_string_value(json_object_get(body, "id"));
	if (post.delivery)
		webhook_post_start(server->webhooks.posts, &post, note_now());
	json_decref(body);
}

static void look(struct skerryd *server)
{
	json_t *rows;
	const json_t *row;
	size_t index;
	int64_t now = note_now_ms();
	if (server->webhooks.count == 0 || now < server->webhooks.due_ms)
		return;
	server->webhooks.due_ms = now + LOOK_MS;
	if (store_deliveries_due_json(server->store, note_now(), &rows) < 0)
		return;
	json_array_foreach(rows, index, row)
	{
		start_post(server, row);
	}
	json_decref(rows);
}

int webhook_fd(const struct skerryd *server)
{
	return webhook_posts_fd(server->webhooks.posts);
}

int webhook_timeout_ms(const struct skerryd *server, int max_ms)
{
	int64_t deadline = webhook_posts_deadline_ms(server->webhooks.posts), now = note_now_ms();
	if (server->webhooks.count && (deadline < 0 || server->webhooks.due_ms < deadline))
		deadline = server->webhooks.due_ms;
	if (deadline < 0)
		return max_ms;
	return deadline <= now ? 0 : deadline - now < max_ms ? (int)(deadline - now) : max_ms;
}

void webhook_run(struct skerryd *server)
{
	webhook_posts_run(server->webhooks.posts, on_done, server);
	look(server);
}

/* ---- addresses ---- */

static bool names_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

static const char *parts_fault(CURLU *parts, const char *url, bool private)
{
	char *scheme = NULL, *host = NULL, *user = NULL;
	const char *fault = "";
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		fault = "it is no address";
	else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK)
		fault = "it holds a user's name, which everybody would see who lists webhooks";
	else if (strcmp(scheme, "https") != 0 && (strcmp(scheme, "http") != 0 || !names_loopback(host)))
		fault = "it is neither https nor http to this machine";
	else if (names_loopback(host) && !private)
		fault = "it leads to this machine, which webhook-private in skerryd.conf does not allow";
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	return fault;
}

const char *webhook_url_fault(const char *url, bool private)
{
	if (strlen(url) > WEBHOOK_URL_MAX)
		return "it is too long";
	for (const char *at = url; *at; at++)
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
			return "it holds a character that addresses have none of";
	CURLU *parts = curl_url();
	const char *fault = parts ? parts_fault(parts, url, private) : "out of memory";
	curl_url_cleanup(parts);
	return fault;
}
