/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt.h"

#include <assert.h>
#include <mosquitto.h>
#include <stdio.h>
#include <string.h>

#include "agent_log.h"
#include "ota/err.h"
#include "platform.h"

#define CONNECT_TIMEOUT_MS  30000
#define GREETING_TIMEOUT_MS 15000
#define ACK_TIMEOUT_MS      30000
#define KEEPALIVE_S         30
#define TICK_MS             1000  /* libmosquitto counts its keepalive in seconds */
#define STABLE_MS           30000 /* a connection that lived so long was not refused */
#define READS_PER_POLL      16    /* packets; then the others of the loop have their turn */
#define SUBACK_FAILURE      0x80

/* CONNACK return codes, MQTT 3.1.1 §3.2.2.3. */
enum { CONNACK_ACCEPTED = 0, CONNACK_BAD_IDENTITY = 2, CONNACK_BAD_USER = 4, CONNACK_NOT_AUTHORIZED = 5 };

void mqtt_init(struct mqtt *mqtt, const struct mqtt_config *config)
{
	memset(mqtt, 0, sizeof(*mqtt));
	/* Chooses the clock that keepalive is counted by; our net__init() cannot fail. */
	(void)mosquitto_lib_init();
	mqtt->config = config;
	mqtt->backoff = (struct backoff){.base_ms = 1000, .max_ms = 30000};
	mqtt->phase = MQTT_WAITING;
}

static void connection_free(struct mqtt *mqtt)
{
	if (mqtt->client)
		mosquitto_destroy(mqtt->client);
	mqtt->client = NULL;
	tls_close(&mqtt->tls);
}

static void connection_lost(struct mqtt *mqtt, int error)
{
	uint64_t now = platform_now_ms();
	uint32_t wait_ms;

	if (mqtt->phase == MQTT_UP && now - mqtt->up_ms >= STABLE_MS)
		backoff_reset(&mqtt->backoff);
	connection_free(mqtt);
	wait_ms = backoff_next_ms(&mqtt->backoff);
	agent_log(AGENT_WARN, "agent: mqtt.down err=%s retry_ms=%u broker=%s:%u", ota_err_name(error),
		(unsigned int)wait_ms, mqtt->config->host, mqtt->config->port);
	mqtt->phase = MQTT_WAITING;
	mqtt->deadline_ms = now + wait_ms;
	mqtt->config->events->down(mqtt->config->ctx, error);
}

static void on_connect(struct mosquitto *client, void *userdata, int code)
{
	struct mqtt *mqtt = userdata;

	(void)client;
	if (code == CONNACK_ACCEPTED && mqtt->phase == MQTT_GREETING)
		mqtt->phase = MQTT_SUBSCRIBING;
	else if (code == CONNACK_ACCEPTED)
		mqtt->refusal = -OTA_E_MQTT_PROTOCOL;
	else if (code == CONNACK_BAD_IDENTITY || code == CONNACK_BAD_USER || code == CONNACK_NOT_AUTHORIZED)
		mqtt->refusal = -OTA_E_MQTT_AUTH;
	else
		mqtt->refusal = -OTA_E_MQTT_REFUSED;
}

static void on_subscribe(struct mosquitto *client, void *userdata, int mid, int count, const int *granted)
{
	struct mqtt *mqtt = userdata;

	(void)client;
	(void)mid;
	for (int i = 0; i < count; i++)
		if (granted[i] >= SUBACK_FAILURE)
			mqtt->refusal = -OTA_E_MQTT_AUTH;
	if (mqtt->phase != MQTT_SUBSCRIBING || mqtt->refusal != 0)
		return;
	mqtt->phase = MQTT_UP;
	mqtt->up_ms = platform_now_ms();
}

static void on_message(struct mosquitto *client, void *userdata, const struct mosquitto_message *message)
{
	struct mqtt *mqtt = userdata;
	size_t base_len = strlen(mqtt->config->base);

	(void)client;
	/* What the broker remembers may come before it acknowledges the filters, and only then. */
	if ((mqtt->phase != MQTT_UP && mqtt->phase != MQTT_SUBSCRIBING) || message->payloadlen <= 0)
		return;
	if (strncmp(message->topic, mqtt->config->base, base_len) != 0 || message->topic[base_len] != '/')
		return;
	mqtt->config->events->message(mqtt->config->ctx, message->topic + base_len + 1, message->payload,
		(size_t)message->payloadlen, message->retain);
}

/* libmosquitto's result as ours. What our own side of the connection said comes first: it knows more. */
static int client_error(const struct mqtt *mqtt, int result)
{
	if (mqtt->io.error != 0)
		return mqtt->io.error;
	if (mqtt->refusal != 0)
		return mqtt->refusal;
	switch (result) {
	case MOSQ_ERR_NOMEM:
		return -OTA_E_MEMORY;
	case MOSQ_ERR_KEEPALIVE:
		return -OTA_E_MQTT_KEEPALIVE;
	case MOSQ_ERR_PROTOCOL:
	case MOSQ_ERR_MALFORMED_PACKET:
	case MOSQ_ERR_MALFORMED_UTF8:
		return -OTA_E_MQTT_PROTOCOL;
	default:
		return -OTA_E_MQTT;
	}
}

static int topic_make(const struct mqtt *mqtt, const char *suffix, char topic[MQTT_TOPIC_MAX])
{
	int len = snprintf(topic, MQTT_TOPIC_MAX, "%s/%s", mqtt->config->base, suffix);

	return len > 0 && len < MQTT_TOPIC_MAX ? 0 : -OTA_E_TOO_LONG;
}

static int will_set(struct mqtt *mqtt)
{
	const struct mqtt_config *config = mqtt->config;
	char topic[MQTT_TOPIC_MAX];

	if (topic_make(mqtt, config->will_suffix, topic) != 0)
		return MOSQ_ERR_INVAL;
	return mosquitto_will_set(mqtt->client, topic, (int)strlen(config->will), config->will, 1, true);
}

static int client_start(struct mqtt *mqtt)
{
	const struct mqtt_config *config = mqtt->config;
	int result;

	mqtt->io = (struct mosq_io){.tls = &mqtt->tls};
	mqtt->refusal = 0;
	mqtt->unacked = 0;
	mqtt->client = mosquitto_new(config->client_id, true, mqtt);
	if (!mqtt->client)
		return -OTA_E_MEMORY;
	mosquitto_connect_callback_set(mqtt->client, on_connect);
	mosquitto_subscribe_callback_set(mqtt->client, on_subscribe);
	mosquitto_message_callback_set(mqtt->client, on_message);
	result = mosquitto_username_pw_set(mqtt->client, config->client_id, NULL);
	if (result == MOSQ_ERR_SUCCESS)
		result = will_set(mqtt);
	if (result == MOSQ_ERR_SUCCESS)
		result = mosquitto_connect_async(mqtt->client, config->host, config->port, KEEPALIVE_S);
	return result == MOSQ_ERR_SUCCESS ? 0 : client_error(mqtt, result);
}

/* In one packet: eight of them, each with its answer, are what a broker of thousands spends most on after the handshake. */
static int client_subscribe(struct mqtt *mqtt)
{
	char topics[MQTT_FILTERS_MAX][MQTT_TOPIC_MAX], *pointers[MQTT_FILTERS_MAX];
	int count = 0, result;

	for (; mqtt->config->filters[count]; count++) {
		assert(count < MQTT_FILTERS_MAX);
		if (topic_make(mqtt, mqtt->config->filters[count], topics[count]) != 0)
			return -OTA_E_TOO_LONG;
		pointers[count] = topics[count];
	}
	result = mosquitto_subscribe_multiple(mqtt->client, NULL, count, pointers, 1, 0, NULL);
	return result == MOSQ_ERR_SUCCESS ? 0 : client_error(mqtt, result);
}

static int connect_begin(struct mqtt *mqtt)
{
	const struct mqtt_config *config = mqtt->config;
	const struct tls_peer peer = {config->tls, config->streams, config->host, config->port};

	mqtt->phase = MQTT_CONNECTING;
	return tls_open(&mqtt->tls, &peer, CONNECT_TIMEOUT_MS);
}

static int connect_go_on(struct mqtt *mqtt)
{
	int error = tls_poll(&mqtt->tls);

	if (error == TLS_AGAIN)
		return 0;
	if (error != 0)
		return error;
	mqtt->phase = MQTT_GREETING;
	mqtt->deadline_ms = platform_now_ms() + GREETING_TIMEOUT_MS;
	return client_start(mqtt);
}

/* Read, write, keepalive: until nothing moves or others should have their turn. */
static int client_run(struct mqtt *mqtt)
{
	enum mqtt_phase before = mqtt->phase;
	int result = MOSQ_ERR_SUCCESS;

	mqtt->io.read_blocked = false;
	for (int i = 0;
		i < READS_PER_POLL && result == MOSQ_ERR_SUCCESS && !mqtt->io.read_blocked && mqtt->phase == before;
		i++)
		result = mosquitto_loop_read(mqtt->client, 1);
	/* Messages published from within a callback wait for this. */
	if (result == MOSQ_ERR_SUCCESS && mosquitto_want_write(mqtt->client))
		result = mosquitto_loop_write(mqtt->client, 1);
	if (result == MOSQ_ERR_SUCCESS)
		result = mosquitto_loop_misc(mqtt->client);
	if (result != MOSQ_ERR_SUCCESS || mqtt->refusal != 0 || mqtt->io.error != 0)
		return client_error(mqtt, result);
	return 0;
}

/* A broker that answers pings but acknowledges nothing would block our queue for ever. */
static int acks_check(struct mqtt *mqtt)
{
	size_t unacked = mosq_net_unacked(mqtt->client);
	uint64_t now = platform_now_ms();

	if (unacked == 0 || unacked < mqtt->unacked)
		mqtt->acked_ms = now;
	mqtt->unacked = unacked;
	return now - mqtt->acked_ms < ACK_TIMEOUT_MS ? 0 : -OTA_E_TIMEOUT;
}

static int client_go_on(struct mqtt *mqtt)
{
	enum mqtt_phase before = mqtt->phase;
	int error = client_run(mqtt);

	if (error == 0 && before == MQTT_GREETING && mqtt->phase == MQTT_SUBSCRIBING)
		error = client_subscribe(mqtt);
	if (error == 0)
		error = acks_check(mqtt);
	if (error == 0 && before != MQTT_UP && mqtt->phase == MQTT_UP)
		mqtt->config->events->up(mqtt->config->ctx);
	if (error == 0 && mqtt->phase != MQTT_UP && platform_now_ms() >= mqtt->deadline_ms)
		error = -OTA_E_TIMEOUT;
	return error;
}

void mqtt_poll(struct mqtt *mqtt)
{
	int error = 0;

	if (mqtt->phase == MQTT_STOPPED || (mqtt->phase == MQTT_WAITING && platform_now_ms() < mqtt->deadline_ms))
		return;
	if (mqtt->phase == MQTT_WAITING)
		error = connect_begin(mqtt);
	if (error == 0 && mqtt->phase == MQTT_CONNECTING)
		error = connect_go_on(mqtt);
	if (error == 0 && mqtt->phase != MQTT_CONNECTING)
		error = client_go_on(mqtt);
	if (error != 0)
		connection_lost(mqtt, error);
}

/* Not at once: the caller may be within one of the client's callbacks. */
void mqtt_drop(struct mqtt *mqtt, int error)
{
	mqtt->refusal = error;
}

uint64_t mqtt_deadline_ms(const struct mqtt *mqtt)
{
	if (mqtt->phase == MQTT_STOPPED)
		return UINT64_MAX;
	if (mqtt->phase == MQTT_WAITING)
		return mqtt->deadline_ms;
	if (mqtt->phase == MQTT_CONNECTING)
		return tls_deadline_ms(&mqtt->tls);
	return platform_now_ms() + (mqtt->io.read_blocked ? TICK_MS : 0);
}

bool mqtt_is_up(const struct mqtt *mqtt)
{
	return mqtt->phase == MQTT_UP;
}

size_t mqtt_backlog(const struct mqtt *mqtt)
{
	return mqtt->client ? mosq_net_backlog(mqtt->client) : 0;
}

int mqtt_publish(struct mqtt *mqtt, const char *suffix, const char *payload, size_t len, unsigned int flags)
{
	char topic[MQTT_TOPIC_MAX];
	int result;

	if (mqtt->phase != MQTT_UP)
		return -OTA_E_NO_NETWORK;
	if (mqtt_backlog(mqtt) >= MOSQ_BACKLOG_MAX)
		return -OTA_E_BUSY;
	if (topic_make(mqtt, suffix, topic) != 0)
		return -OTA_E_TOO_LONG;
	/* A connection that breaks here is noticed by the next poll; the owner of what was lost sends it again on `up`. */
	result = mosquitto_publish(
		mqtt->client, NULL, topic, (int)len, payload, (flags & MQTT_QOS1) != 0, (flags & MQTT_RETAIN) != 0);
	return result == MOSQ_ERR_NOMEM ? -OTA_E_MEMORY : 0;
}

void mqtt_stop(struct mqtt *mqtt)
{
	if (mqtt->client && mqtt->phase == MQTT_UP)
		(void)mosquitto_disconnect(mqtt->client);
	connection_free(mqtt);
	mqtt->phase = MQTT_STOPPED;
}
