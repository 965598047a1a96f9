/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/link.h"

#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/command.h"
#include "skerryd/devices.h"
#include "skerryd/enrol.h"
#include "skerryd/homeassistant.h"
#include "skerryd/jobs.h"
#include "skerryd/note.h"
#include "skerryd/telemetry.h"

#define PRESENCE_GRACE_MS 3000 /* retained presence comes right after the subscription */
#define MALFORMED         2

static void connected(struct skerryd *server)
{
	/* Of this process and this connection: the database remembers those before. */
	server->round = note_now_ms() + 1;
}

static void subscribed(struct skerryd *server)
{
	const struct settings *settings = &server->settings;
	server->broker_since = note_now();
	server->presence_due_ms = note_now_ms() + PRESENCE_GRACE_MS;
	homeassistant_on_connected(server);
	note("mqtt: connected host=%s port=%llu", settings->broker_host, (unsigned long long)settings->broker_port);
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	if (skerryd_event(
		    server, &(struct store_event){.kind = "broker-connected", .text = "connected to the broker"}) < 0 ||
		jobs_ring_all(server) < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}

static void lost(struct skerryd *server, const char *why)
{
	const struct settings *settings = &server->settings;
	char text[300];
	bool was_there = server->broker_since != 0;
	server->broker_since = 0;
	server->presence_due_ms = 0;
	note("mqtt: %s host=%s port=%llu reason=\"%s\" remedy=\"is the broker running? trying again\"",
		was_there ? "lost" : "unreachable", settings->broker_host, (unsigned long long)settings->broker_port,
		why);
	snprintf(text, sizeof text, "the broker at %s:%llu %s: %s", settings->broker_host,
		(unsigned long long)settings->broker_port, was_there ? "is gone" : "cannot be reached", why);
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	if (skerryd_event(server, &(struct store_event){.kind = "broker-lost", .text = text}) < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}

static int on_report(struct skerryd *server, const char *device, const json_t *body)
{
	struct store_report report;
	return message_report(body, &report) ? devices_on_report(server, device, body, &report) : MALFORMED;
}

static int on_presence(struct skerryd *server, const char *device, const json_t *body, bool retained)
{
	struct message_presence presence;
	if (!message_presence(body, &presence))
		return MALFORMED;
	return devices_on_presence(server, device, &presence, retained);
}

static int on_log(struct skerryd *server, const char *device, const json_t *body)
{
	struct message_log log;
	return message_log(body, &log) ? devices_on_log(server, device, &log) : MALFORMED;
}

static int on_reply(struct skerryd *server, const char *device, const json_t *body)
{
	struct message_reply reply;
	if (!message_reply(body, &reply))
		return MALFORMED;
	command_on_reply(server, device, &reply);
	return 0;
}

static int on_crash(struct skerryd *server, const char *device, const json_t *body)
{
	struct store_crash crash;
	return message_crash(body, &crash) ? devices_on_crash(server, device, body, &crash) : MALFORMED;
}

static int on_telemetry(struct skerryd *server, const struct topic *topic, const json_t *body, bool retained)
{
	if (!message_telemetry(body))
		return MALFORMED;
	/* The broker tells a retained one again with each connection: when it was measured nobody knows. */
	int rc = retained ? 0 : telemetry_take(server, topic->device, topic->name, body);
	return rc == STORE_NONE ? MALFORMED : rc;
}

static int on_renew(struct skerryd *server, const char *device, const json_t *body)
{
	uint8_t csr[ENROL_CSR_MAX];
	const char *text = json_string_value(json_object_get(body, "csr"));
	long len = text ? text_unbase64url(text, csr, sizeof csr) : -1;
	return len > 0 ? enrol_renew(server, device, csr, (size_t)len) : MALFORMED;
}

static int on_request(struct skerryd *server, const struct topic *topic, const json_t *body)
{
	int rc = topic->kind == TOPIC_JOB_GET ? jobs_on_get(server, topic->device, body)
					      : jobs_on_update(server, topic->device, topic->job, body);
	return rc < 0 || body ? rc : MALFORMED;
}

static int dispatch(struct skerryd *server, const struct topic *topic, const json_t *body, bool retained)
{
	if (topic->kind == TOPIC_JOB_GET || topic->kind == TOPIC_JOB_UPDATE)
		return on_request(server, topic, body); /* a request is answered, also when it is malformed */
	if (!body)
		return MALFORMED;
	switch (topic->kind) {
	case TOPIC_REPORT:
		return on_report(server, topic->device, body);
	case TOPIC_PRESENCE:
		return on_presence(server, topic->device, body, retained);
	case TOPIC_LOG:
		return on_log(server, topic->device, body);
	case TOPIC_CMD_REPLY:
		return on_reply(server, topic->device, body);
	case TOPIC_CRASH:
		return on_crash(server, topic->device, body);
	case TOPIC_CERT_RENEW:
		return on_renew(server, topic->device, body);
	case TOPIC_TELEMETRY:
		return on_telemetry(server, topic, body, retained);
	default:
		return MALFORMED;
	}
}

static int note_malformed(struct skerryd *server, const char *device, const char *topic)
{
	char text[400];
	server->metrics.malformed++;
	if (store_device_malformed(server->store, device) < 0)
		return -1;
	if (!throttle_pass(&server->throttle, 'm', device, note_now_ms()))
		return 0;
	note("mqtt: malformed topic=%s", topic);
	snprintf(text, sizeof text, "a malformed message was dropped: %s", topic);
	return skerryd_event(server, &(struct store_event){.kind = "malformed", .device = device, .text = text});
}

/* It was retired or revoked, and speaks all the same. */
static int refuse_inactive(struct skerryd *server, const char *device, const char *state)
{
	char text[200];
	if (!throttle_pass(&server->throttle, 'r', device, note_now_ms()))
		return STORE_NONE;
	note("mqtt: refused-device device=%s state=%s", device, state);
	snprintf(text, sizeof text, "%s is %s; its messages are dropped", device, state);
	int rc = skerryd_event(server, &(struct store_event){.kind = "refused-device", .device = device, .text = text});
	return rc < 0 ? -1 : STORE_NONE;
}

/* Enrolled since the last look? Else it is somebody with our certificate whom nobody added. */
static int meet_unknown(struct skerryd *server, const char *device)
{
	char text[200];
	struct store_device known;
	int rc = store_device_get(server->store, device, &known);
	if (rc <= 0)
		return rc < 0 ? -1 : refuse_inactive(server, device, known.state);
	rc = devices_enrol(server, device);
	if (rc == 0)
		return store_device_seen(server->store, device, note_now());
	server->metrics.unknown++;
	if (rc < 0 || !throttle_pass(&server->throttle, 'u', device, note_now_ms()))
		return rc;
	note("mqtt: unknown-device device=%s", device);
	snprintf(text, sizeof text,
		"%s is not in the registry; its messages are dropped. Add it with `skerry device add`", device);
	rc = skerryd_event(server, &(struct store_event){.kind = "unknown-device", .device = device, .text = text});
	return rc < 0 ? -1 : STORE_NONE;
}

static int take(struct skerryd *server, const struct topic *topic, const struct inbox_item *item)
{
	int rc = 0;
	/* What the broker remembers says nothing about when the device was there. */
	if (item->retained) {
		struct store_device device;
		/* Of many devices they come for a while: only when no more do is one that is missing offline. */
		if (server->presence_due_ms)
			server->presence_due_ms = note_now_ms() + PRESENCE_GRACE_MS;
		rc = store_device_get(server->store, topic->device, &device);
		if (rc == 0 && strcmp(device.state, "active") != 0)
			rc = STORE_NONE;
	} else {
		rc = store_device_seen(server->store, topic->device, note_now());
	}
	if (rc == STORE_NONE)
		rc = meet_unknown(server, topic->device);
	if (rc)
		return rc < 0 ? -1 : 0;
	json_t *body = message_parse(topic->kind, item->payload, item->len);
	rc = dispatch(server, topic, body, item->retained);
	json_decref(body);
	return rc == MALFORMED ? note_malformed(server, topic->device, item->topic) : rc;
}

/* An empty message only clears a retained one. */
static bool is_for_us(const struct skerryd *server, const struct inbox_item *item, struct topic *topic)
{
	return item->len > 0 && topic_parse(server->settings.prefix, item->topic, topic);
}

/* What is answered as taken must be there for good: the device forgets it. */
static enum store_durability durability_of(const struct topic *topic)
{
	return topic->kind == TOPIC_JOB_UPDATE || topic->kind == TOPIC_CRASH || topic->kind == TOPIC_CERT_RENEW
		       ? STORE_KEPT_ON_POWER_CUT
		       : STORE_KEPT_ON_KILL;
}

static void take_message(struct skerryd *server, const struct inbox_item *item)
{
	struct topic topic;
	if (!is_for_us(server, item, &topic) || skerryd_begin(server, durability_of(&topic)) < 0)
		return;
	if (take(server, &topic, item) < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}

void link_take(struct skerryd *server, const struct inbox_item *item)
{
	switch (item->kind) {
	case INBOX_CONNECTED:
		connected(server);
		break;
	case INBOX_SUBSCRIBED:
		subscribed(server);
		break;
	case INBOX_LOST:
		lost(server, item->topic);
		break;
	case INBOX_MESSAGE:
		take_message(server, item);
		break;
	}
}

/* ---- many at once: a commit costs more than a message does ---- */

struct batch {
	struct inbox_item *items[LINK_BATCH];
	size_t count;
};

/* All in one group. 0, or -1: none of it happened. */
static int take_together(struct skerryd *server, const struct batch *batch)
{
	enum store_durability durability = STORE_KEPT_ON_KILL;
	struct topic topic;
	for (size_t i = 0; i < batch->count; i++)
		if (is_for_us(server, batch->items[i], &topic) && durability_of(&topic) == STORE_KEPT_ON_POWER_CUT)
			durability = STORE_KEPT_ON_POWER_CUT;
	if (skerryd_begin(server, durability) < 0)
		return -1;
	for (size_t i = 0; i < batch->count; i++) {
		if (is_for_us(server, batch->items[i], &topic) && take(server, &topic, batch->items[i]) < 0) {
			skerryd_rollback(server);
			return -1;
		}
	}
	return skerryd_commit(server);
}

static void take_batch(struct skerryd *server, struct batch *batch)
{
	/* One that fails must not take the others with it: then each for itself. */
	if (batch->count == 1 || (batch->count > 1 && take_together(server, batch) < 0))
		for (size_t i = 0; i < batch->count; i++)
			take_message(server, batch->items[i]);
	for (size_t i = 0; i < batch->count; i++)
		inbox_item_free(batch->items[i]);
	batch->count = 0;
}

static void tell_flood(struct skerryd *server, const char *device)
{
	char text[200];
	note("mqtt: throttled device=%s", device);
	snprintf(text, sizeof text, "%s sends more than %llu messages a second; what is above is dropped", device,
		(unsigned long long)server->flood.rate);
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	if (skerryd_event(server, &(struct store_event){.kind = "throttled", .device = device, .text = text}) < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}

/* Counts it. False: its device has sent too many. */
static bool admit(struct skerryd *server, const struct inbox_item *item)
{
	struct topic topic;
	bool is_ours = is_for_us(server, item, &topic);
	server->metrics.taken[is_ours ? topic.kind : 0]++;
	enum flood_verdict verdict = is_ours ? flood_check(&server->flood, topic.device, note_now_ms()) : FLOOD_TAKE;
	if (verdict == FLOOD_TAKE)
		return true;
	server->metrics.throttled++;
	if (verdict == FLOOD_DROP_AND_TELL)
		tell_flood(server, topic.device);
	return false;
}

void link_take_all(struct skerryd *server, struct inbox *inbox)
{
	struct batch batch = {.count = 0};
	struct inbox_item *item;
	for (int i = 0; i < LINK_BATCH && (item = inbox_take(inbox)); i++) {
		if (homeassistant_take(server, item) || (item->kind == INBOX_MESSAGE && !admit(server, item))) {
			inbox_item_free(item);
			continue;
		}
		if (item->kind == INBOX_MESSAGE) {
			batch.items[batch.count++] = item;
			continue;
		}
		take_batch(server, &batch);
		link_take(server, item);
		inbox_item_free(item);
	}
	take_batch(server, &batch);
}
