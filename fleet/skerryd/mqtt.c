/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "skerryd/note.h"
#include "skerryd/topic.h"

#define KEEPALIVE_S        30
#define LOOP_MS            1000
#define CONNECT_TIMEOUT_MS 15000
#define RETRY_FIRST_MS     500
#define RETRY_MAX_MS       10000
#define STOP_WAIT_S        3
#define FILTERS_MAX        (TOPIC_FILTERS + 2)

struct mqtt {
	const struct settings *settings;
	struct inbox *inbox;
	struct mosquitto *mosq;
	pthread_t thread;
	int wake_fd;          /* an eventfd: the main loop has published something */
	pthread_mutex_t lock; /* for the pause between attempts */
	pthread_cond_t stop;
	atomic_bool stopping, connected;
	int64_t retry_ms, attempt_ms; /* of this thread alone */
	struct mqtt_counts counts;    /* the main loop's */
	char refusal[120];            /* what the broker said instead of yes */
};

/* One SUBSCRIBE, so one answer says that all of it holds. */
static void subscribe(const struct mqtt *mqtt)
{
	char filters[FILTERS_MAX][TOPIC_MAX], *pointers[FILTERS_MAX];
	int count = TOPIC_FILTERS;
	for (size_t i = 0; i < TOPIC_FILTERS; i++) {
		snprintf(filters[i], TOPIC_MAX, "%s/%s", mqtt->settings->prefix, topic_filters[i]);
		pointers[i] = filters[i];
	}
	if (mqtt->settings->homeassistant) {
		const char *prefix = mqtt->settings->homeassistant_prefix;
		snprintf(filters[count], TOPIC_MAX, "%s/status", prefix);
		pointers[count] = filters[count];
		count++;
		snprintf(filters[count], TOPIC_MAX, "%s/skerry/+/install", prefix);
		pointers[count] = filters[count];
		count++;
	}
	mosquitto_subscribe_multiple(mqtt->mosq, NULL, count, pointers, 1, 0, NULL);
}

static void on_connect(struct mosquitto *mosq, void *ctx, int code)
{
	struct mqtt *mqtt = ctx;
	(void)mosq;
	if (code) {
		snprintf(mqtt->refusal, sizeof mqtt->refusal, "%s", mosquitto_connack_string(code));
		return;
	}
	mqtt->retry_ms = RETRY_FIRST_MS;
	mqtt->refusal[0] = 0;
	atomic_store(&mqtt->connected, true);
	/* Before the subscriptions: retained presence comes with them. */
	inbox_put(mqtt->inbox, &(struct inbox_letter){.kind = INBOX_CONNECTED});
	subscribe(mqtt);
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int id, int count, const int *granted)
{
	const struct mqtt *mqtt = ctx;
	(void)mosq;
	(void)id;
	for (int i = 0; i < count; i++) {
		if (granted[i] > 2)
			note("mqtt: subscription-refused filter=%s remedy=\"let " HOME_SERVER_USER
			     " read it in the broker's access list\"",
				i < TOPIC_FILTERS ? topic_filters[i] : "Home Assistant's");
	}
	inbox_put(mqtt->inbox, &(struct inbox_letter){.kind = INBOX_SUBSCRIBED});
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *message)
{
	const struct mqtt *mqtt = ctx;
	(void)mosq;
	inbox_put(mqtt->inbox, &(struct inbox_letter){.kind = INBOX_MESSAGE,
				       .retained = message->retain,
				       .topic = message->topic,
				       .payload = message->payload,
				       .len = message->payloadlen > 0 ? (size_t)message->payloadlen : 0});
}

static void wake(const struct mqtt *mqtt)
{
	const uint64_t one = 1;
	ssize_t done = write(mqtt->wake_fd, &one, sizeof one);
	(void)done; /* full: it will wake anyway */
}

static const char *failure_text(const struct mqtt *mqtt, int rc)
{
	if (mqtt->refusal[0])
		return mqtt->refusal;
	return rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc);
}

static void pause_ms(struct mqtt *mqtt, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&mqtt->lock);
	while (!atomic_load(&mqtt->stopping) && pthread_cond_timedwait(&mqtt->stop, &mqtt->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&mqtt->lock);
}

/*
 * One turn of the connection. Not mosquitto_loop(): it waits by select(), which has no room for a descriptor above 1023, and the HTTP side may have
 * thousands of them open when the broker is connected to again.
 */
static int turn(struct mqtt *mqtt)
{
	struct pollfd fds[] = {
		{.fd = mosquitto_socket(mqtt->mosq), .events = POLLIN}, {.fd = mqtt->wake_fd, .events = POLLIN}};
	uint64_t rings;
	int rc = MOSQ_ERR_SUCCESS;
	if (fds[0].fd < 0)
		return MOSQ_ERR_NO_CONN;
	if (mosquitto_want_write(mqtt->mosq))
		fds[0].events |= POLLOUT;
	if (poll(fds, 2, LOOP_MS) < 0)
		return errno == EINTR ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ERRNO;
	if (fds[1].revents && read(mqtt->wake_fd, &rings, sizeof rings) < 0)
		return MOSQ_ERR_ERRNO;
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		rc = mosquitto_loop_read(mqtt->mosq, 1);
	if (rc == MOSQ_ERR_SUCCESS && mosquitto_want_write(mqtt->mosq))
		rc = mosquitto_loop_write(mqtt->mosq, 1);
	return rc == MOSQ_ERR_SUCCESS ? mosquitto_loop_misc(mqtt->mosq) : rc;
}

/* One connection, from the attempt to its end. The code of libmosquitto that ended it. */
static int serve_connection(struct mqtt *mqtt)
{
	const struct settings *settings = mqtt->settings;
	/* Blocks for the TCP connection only, and tries all addresses of the name; TLS goes on in mosquitto_loop(). */
	int rc = mosquitto_connect(mqtt->mosq, settings->broker_host, (int)settings->broker_port, KEEPALIVE_S);
	mqtt->attempt_ms = note_now_ms();
	while (rc == MOSQ_ERR_SUCCESS && !atomic_load(&mqtt->stopping)) {
		rc = turn(mqtt);
		/* libmosquitto itself would wait for a broker that accepts and says nothing for ever. */
		if (!atomic_load(&mqtt->connected) && note_now_ms() - mqtt->attempt_ms > CONNECT_TIMEOUT_MS)
			return MOSQ_ERR_CONN_LOST;
	}
	return rc;
}

static void *serve(void *arg)
{
	struct mqtt *mqtt = arg;
	char last[160] = "";
	while (!atomic_load(&mqtt->stopping)) {
		int rc = serve_connection(mqtt);
		bool was_connected = atomic_exchange(&mqtt->connected, false);
		if (atomic_load(&mqtt->stopping))
			break;
		const char *why = failure_text(mqtt, rc);
		if (was_connected || strcmp(last, why) != 0) {
			snprintf(last, sizeof last, "%s", why);
			inbox_put(mqtt->inbox, &(struct inbox_letter){.kind = INBOX_LOST, .topic = why});
		}
		pause_ms(mqtt, mqtt->retry_ms);
		mqtt->retry_ms = mqtt->retry_ms * 2 < RETRY_MAX_MS ? mqtt->retry_ms * 2 : RETRY_MAX_MS;
	}
	return NULL;
}

/* A skerryd that is gone must not look as if all was well. */
static int set_will(struct mqtt *mqtt)
{
	char topic[TOPIC_MAX];
	if (!mqtt->settings->homeassistant)
		return MOSQ_ERR_SUCCESS;
	snprintf(topic, sizeof topic, "%s/skerry/status", mqtt->settings->homeassistant_prefix);
	return mosquitto_will_set(mqtt->mosq, topic, 7, "offline", 1, true);
}

static int set_up(struct mqtt *mqtt, struct fleet_error *error)
{
	const struct home *home = &mqtt->settings->home;
	struct home_path ca = home_path(home, HOME_CA), cert = home_path(home, HOME_SERVER_CERT),
			 key = home_path(home, HOME_SERVER_KEY);
	mqtt->mosq = mosquitto_new(HOME_SERVER_USER, true, mqtt);
	if (!mqtt->mosq)
		return fleet_fail(error, NULL, "out of memory");
	mosquitto_connect_callback_set(mqtt->mosq, on_connect);
	mosquitto_subscribe_callback_set(mqtt->mosq, on_subscribe);
	mosquitto_message_callback_set(mqtt->mosq, on_message);
	mosquitto_threaded_set(mqtt->mosq, true); /* the main loop publishes */
	mosquitto_int_option(mqtt->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	int rc = set_will(mqtt);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_tls_set(mqtt->mosq, ca.text, NULL, cert.text, key.text, NULL);
	if (rc == MOSQ_ERR_SUCCESS)
		return 0;
	return fleet_fail(error, "restore server/ of the home from a backup", "cannot use '%s', '%s', '%s': %s",
		ca.text, cert.text, key.text, mosquitto_strerror(rc));
}

static void mqtt_free(struct mqtt *mqtt)
{
	if (mqtt->mosq)
		mosquitto_destroy(mqtt->mosq);
	if (mqtt->wake_fd >= 0)
		close(mqtt->wake_fd);
	pthread_cond_destroy(&mqtt->stop);
	pthread_mutex_destroy(&mqtt->lock);
	free(mqtt);
	mosquitto_lib_cleanup();
}

int mqtt_start(const struct settings *settings, struct inbox *inbox, struct mqtt **out, struct fleet_error *error)
{
	struct mqtt *mqtt = calloc(1, sizeof *mqtt);
	if (!mqtt)
		return fleet_fail(error, NULL, "out of memory");
	mosquitto_lib_init();
	mqtt->settings = settings;
	mqtt->inbox = inbox;
	mqtt->retry_ms = RETRY_FIRST_MS;
	pthread_mutex_init(&mqtt->lock, NULL);
	pthread_cond_init(&mqtt->stop, NULL);
	mqtt->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = mqtt->wake_fd < 0 ? fleet_fail_errno(error, NULL, "cannot make an eventfd") : set_up(mqtt, error);
	if (rc == 0 && pthread_create(&mqtt->thread, NULL, serve, mqtt) != 0)
		rc = fleet_fail(error, NULL, "cannot start a thread");
	if (rc < 0) {
		mqtt_free(mqtt);
		return -1;
	}
	*out = mqtt;
	return 0;
}

bool mqtt_stop(struct mqtt *mqtt)
{
	if (!mqtt)
		return true;
	atomic_store(&mqtt->stopping, true);
	mosquitto_disconnect(mqtt->mosq);
	wake(mqtt);
	pthread_mutex_lock(&mqtt->lock);
	pthread_cond_broadcast(&mqtt->stop);
	pthread_mutex_unlock(&mqtt->lock);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_WAIT_S;
	/* A TCP connection to nowhere takes minutes to fail: the thread then ends with the process. */
	if (pthread_timedjoin_np(mqtt->thread, NULL, &until) != 0)
		return false;
	mqtt_free(mqtt);
	return true;
}

static void publish(struct mqtt *mqtt, const char *topic, const char *text, bool retain)
{
	if (!mqtt)
		return;
	if (atomic_load(&mqtt->connected) &&
		mosquitto_publish(mqtt->mosq, NULL, topic, (int)strlen(text), text, 1, retain) == MOSQ_ERR_SUCCESS)
		mqtt->counts.sent++;
	else
		mqtt->counts.unsent++;
	wake(mqtt);
}

void mqtt_publish(struct mqtt *mqtt, const char *topic, const char *text)
{
	publish(mqtt, topic, text, false);
}

void mqtt_publish_retained(struct mqtt *mqtt, const char *topic, const char *text)
{
	publish(mqtt, topic, text, true);
}

struct mqtt_counts mqtt_counts(const struct mqtt *mqtt)
{
	return mqtt ? mqtt->counts : (struct mqtt_counts){0};
}
