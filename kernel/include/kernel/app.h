/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The app's whole world.
 *
 * An image holds one app. The kernel calls app_main() on the app's own thread; the app owns its loop and waits for
 * the next event with app_wait(). There are no callbacks into the app, no pointer is kept after a call returns, and
 * nothing is shared but what this header names, so that an app can later run unprivileged without changing a line.
 *
 * Conventions: 0 or a positive count is success; a negative value is -APP_E_*. Calls never block except app_wait().
 * Times are milliseconds since start, monotonic. Strings are NUL-terminated. The agent's thread
 * outranks the app's: an app that spins does not keep the device from being updated.
 *
 * Returning from app_main(), a fault, an overflowing stack or an exhausted heap ends in a report and a reset; on a
 * trial start, it ends in a rollback.
 */
#ifndef KERNEL_APP_H
#define KERNEL_APP_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define APP_NAME_MAX 32   /* bytes of a topic name or key, with its NUL: [A-Za-z0-9_-]+ */
#define APP_DATA_MAX 1024 /* bytes of one message or value */

enum app_error {
	APP_E_INVAL = 1, /* a name or length out of the stated range; permanent */
	APP_E_FULL = 2,  /* queue or store full; retry later */
	APP_E_NONE = 3,  /* no such key or device; permanent until it is made */
	APP_E_IO = 4,    /* the storage device failed; retry may help */
	APP_E_NOSYS = 5, /* this image has no agent, or this board lacks the device */
};

/* Log levels; app_log() lines go to the console, the log ring and, at or above the fleet's level, to the operator. */
enum app_level { APP_ERR, APP_WARN, APP_INFO, APP_DEBUG };

/* What the app says of itself. Until APP_WELL is said for the first time an image on trial is not confirmed. */
enum app_health { APP_STARTING, APP_WELL, APP_ILL };

enum app_event_kind {
	APP_EV_TIMEOUT = 1, /* the timeout of app_wait() passed */
	APP_EV_TIMER = 2,   /* a timer set by app_timer_set() fired: .id */
	APP_EV_MESSAGE = 3, /* a message on a subscribed name: .name, .data[0..len) */
	APP_EV_LINK = 4,    /* the agent reached (.id = 1) or lost (.id = 0) the broker */
};

struct app_event {
	enum app_event_kind kind;
	uint32_t id;
	char name[APP_NAME_MAX];
	size_t len;
	uint8_t data[APP_DATA_MAX];
};

/* The app's entry, defined by the app. It must not return; if it does, that is reported as a failure of the image. */
int app_main(void);

/* Name and version of the image as built, e.g. "sensor", "1.2.0". Static. */
const char *app_image_name(void);
const char *app_image_version(void);

/*
 * Wait for the next event, at most `timeout_ms` (UINT64_MAX: for ever), and copy it into `*event` (caller's).
 * Always fills in one event; on timeout its kind is APP_EV_TIMEOUT.
 */
void app_wait(struct app_event *event, uint64_t timeout_ms);

/* Fire APP_EV_TIMER with `id` (0..7) every `period_ms` (> 0), or stop it (0). Missed periods are not made up. -APP_E_INVAL. */
int app_timer_set(uint32_t id, uint64_t period_ms);

/* Milliseconds since the kernel's start; never goes back. */
uint64_t app_now_ms(void);

/* Unix seconds, or 0 if the device does not know the time. */
uint64_t app_unix_s(void);

/* Say how the app is. Cheap; say it as often as you like. */
void app_health_set(enum app_health health);

/*
 * Publish `len` bytes (≤ APP_DATA_MAX) as telemetry `name`. Queued (bounded); delivered at most once while the broker
 * is reached. -APP_E_INVAL, -APP_E_FULL (retry after the next app_wait()), -APP_E_NOSYS.
 */
int app_publish(const char *name, const void *data, size_t len);

/* Receive messages sent to this device's `name` as APP_EV_MESSAGE. At most 8 names. -APP_E_INVAL, -APP_E_FULL, -APP_E_NOSYS. */
int app_subscribe(const char *name);

/* Log one line, printf-like, truncated at 200 bytes. */
void app_log(enum app_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Heap of the app: bytes in use now, the highest ever, and the limit. malloc() beyond the limit ends the app. */
struct app_heap {
	size_t used_bytes, peak_bytes, limit_bytes;
};
void app_heap_get(struct app_heap *heap);

/* Uniformly random bytes from the device's generator. -APP_E_NOSYS if the board has none. */
int app_random(void *buf, size_t len);

#endif
