/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor: publishes a reading every few seconds under the name "reading", as JSON, and takes its interval in seconds
 * from messages to "interval". The board has no thermometer, so the temperature is a random walk.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/app.h"

#define INTERVAL_S     5
#define INTERVAL_MAX_S 3600
#define TIMER_READING  0
#define WELL_AFTER     2 /* readings: one that works may be luck */

static int temperature_mc = 21500; /* thousandths of a degree Celsius */

static void temperature_step(void)
{
	uint8_t noise = 128;

	(void)app_random(&noise, sizeof(noise));
	/* Back to 21.5 degrees slowly, and up to 0.13 degrees either way. */
	temperature_mc += (21500 - temperature_mc) / 32 + noise - 128;
}

static int reading_print(char *json, size_t cap)
{
	struct app_heap heap;

	app_heap_get(&heap);
	return snprintf(json, cap,
		"{\"time\":%" PRIu64 ",\"uptimeMs\":%" PRIu64
		",\"heapBytes\":%zu,\"heapPeak\":%zu,\"temperature\":%d.%03d}",
		app_unix_s(), app_now_ms(), heap.used_bytes, heap.peak_bytes, temperature_mc / 1000,
		temperature_mc % 1000);
}

static void reading_publish(void)
{
	static unsigned int count;
	char json[200];
	int len, rc;

	temperature_step();
	len = reading_print(json, sizeof(json));
	rc = app_publish("reading", json, (size_t)len);
	/* Without a broker the queue fills and readings are lost: the next one says the same, newer. */
	if (rc != 0 && rc != -APP_E_FULL && rc != -APP_E_NOSYS)
		app_log(APP_WARN, "reading not published error=%d", rc);
	if (++count <= WELL_AFTER)
		app_log(APP_INFO, "reading %s", json);
	if (count == WELL_AFTER)
		app_health_set(APP_WELL);
}

static void interval_set(const struct app_event *event)
{
	char text[8];
	char *end;
	long seconds;

	if (event->len == 0 || event->len >= sizeof(text)) {
		app_log(APP_WARN, "interval refused, not a number");
		return;
	}
	memcpy(text, event->data, event->len);
	text[event->len] = '\0';
	seconds = strtol(text, &end, 10);
	if (*end != '\0' || seconds < 1 || seconds > INTERVAL_MAX_S) {
		app_log(APP_WARN, "interval refused, not within 1..%d seconds", INTERVAL_MAX_S);
		return;
	}
	(void)app_timer_set(TIMER_READING, (uint64_t)seconds * 1000);
	app_log(APP_INFO, "interval seconds=%ld", seconds);
}

int app_main(void)
{
	static struct app_event event;

	app_log(APP_INFO, "%s %s starts", app_image_name(), app_image_version());
	(void)app_subscribe("interval");
	(void)app_timer_set(TIMER_READING, INTERVAL_S * 1000);
	reading_publish();
	reading_publish();
	for (;;) {
		app_wait(&event, UINT64_MAX);
		if (event.kind == APP_EV_TIMER)
			reading_publish();
		else if (event.kind == APP_EV_MESSAGE && strcmp(event.name, "interval") == 0)
			interval_set(&event);
	}
}
