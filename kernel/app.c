/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/app.h"

#include <string.h>

#include "app_link.h"
#include "app_timers.h"
#include "kernel/dev.h"
#include "kernel/irq.h"
#include "kernel/mem.h"
#include "kernel/panic.h"
#include "kernel/time.h"
#include "log_priv.h"

static struct app_timers timers; /* the app thread's alone */
static bool timer_was_last;

void app_thread(void *arg)
{
	(void)arg;
	app_link.app = thread_self();
	log_line(LOG_INFO, "app: start image=%s version=%s ticks=%lu", app_image_name(), app_image_version(),
		(unsigned long)time_ticks());
	panic(PANIC_APP_RETURNED, "app_main returned %d", app_main());
}

static bool timer_event(struct app_event *event)
{
	int id = app_timers_take(&timers, time_now_ms());

	if (id < 0)
		return false;
	event->kind = APP_EV_TIMER;
	event->id = (uint32_t)id;
	return true;
}

static bool link_event(struct app_event *event)
{
	uint64_t state = irq_save();
	bool changed = app_link.link_changed;

	app_link.link_changed = false;
	event->id = app_link.link_up;
	irq_restore(state);
	if (changed)
		event->kind = APP_EV_LINK;
	return changed;
}

static bool message_event(struct app_event *event)
{
	static struct app_message message; /* the app thread's alone; too much for its stack */
	uint64_t state = irq_save();
	bool got = msg_queue_take(&app_link.to_app, &message);

	irq_restore(state);
	if (!got)
		return false;
	event->kind = APP_EV_MESSAGE;
	event->len = message.len;
	memcpy(event->name, message.name, sizeof(event->name));
	memcpy(event->data, message.data, message.len);
	return true;
}

/* Turn and turn about, so that neither a busy timer nor a busy peer shuts the other out. */
static bool next_event(struct app_event *event)
{
	bool got;

	if (link_event(event))
		return true;
	if (timer_was_last)
		got = message_event(event) || timer_event(event);
	else
		got = timer_event(event) || message_event(event);
	timer_was_last = got && event->kind == APP_EV_TIMER;
	return got;
}

void app_wait(struct app_event *event, uint64_t timeout_ms)
{
	uint64_t now_ms = time_now_ms();
	uint64_t deadline_ms = timeout_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + timeout_ms;

	memset(event, 0, sizeof(*event));
	while (!next_event(event)) {
		uint64_t timer_ms = app_timers_next_ms(&timers);

		if (time_now_ms() >= deadline_ms) {
			event->kind = APP_EV_TIMEOUT;
			return;
		}
		thread_wait(THREAD_SIG_EVENT, timer_ms < deadline_ms ? timer_ms : deadline_ms);
	}
}

int app_timer_set(uint32_t id, uint64_t period_ms)
{
	return app_timers_set(&timers, id, period_ms, time_now_ms());
}

uint64_t app_now_ms(void)
{
	return time_now_ms();
}

uint64_t app_unix_s(void)
{
	return time_unix_s();
}

/* Interrupts masked. */
static void attached_signal(void)
{
	if (app_link.attached)
		thread_signal(app_link.attached, app_link.attached_bits);
}

void app_health_set(enum app_health health)
{
	uint64_t state = irq_save();

	if (app_link.health != health) {
		app_link.health = health;
		attached_signal();
	}
	irq_restore(state);
}

int app_publish(const char *name, const void *data, size_t len)
{
	uint64_t state;
	int rc = -APP_E_NOSYS;

	if (!app_name_valid(name) || len > APP_DATA_MAX)
		return -APP_E_INVAL;
	state = irq_save();
	if (app_link.attached) {
		rc = msg_queue_put(&app_link.to_agent, name, data, len);
		attached_signal();
	}
	irq_restore(state);
	return rc;
}

/* Interrupts masked. Saying a name twice is no mistake. */
static int subscription_add(const char *name)
{
	size_t count = app_link.subscriptions_count;

	for (size_t i = 0; i < count; i++)
		if (strcmp(app_link.subscriptions[i], name) == 0)
			return 0;
	if (count == APP_SUBSCRIPTIONS_MAX)
		return -APP_E_FULL;
	strcpy(app_link.subscriptions[count], name);
	app_link.subscriptions_count++;
	attached_signal();
	return 0;
}

int app_subscribe(const char *name)
{
	uint64_t state;
	int rc = -APP_E_NOSYS;

	if (!app_name_valid(name))
		return -APP_E_INVAL;
	state = irq_save();
	if (app_link.attached)
		rc = subscription_add(name);
	irq_restore(state);
	return rc;
}

void app_log(enum app_level level, const char *fmt, ...)
{
	static const enum log_level levels[] = {
		[APP_ERR] = LOG_ERR,
		[APP_WARN] = LOG_WARN,
		[APP_INFO] = LOG_INFO,
		[APP_DEBUG] = LOG_DEBUG,
	};
	va_list ap;

	va_start(ap, fmt);
	log_line_prefixed(level <= APP_DEBUG ? levels[level] : LOG_DEBUG, "app: ", fmt, ap);
	va_end(ap);
}

void app_heap_get(struct app_heap *heap)
{
	struct mem_stats stats;

	mem_stats_get(&stats);
	heap->used_bytes = stats.app_heap_used_bytes;
	heap->peak_bytes = stats.app_heap_peak_bytes;
	heap->limit_bytes = stats.app_heap_bytes;
}

int app_random(void *buf, size_t len)
{
	struct rng_dev *rng = dev_rng();

	return rng && rng->ops->fill(rng, buf, len) == 0 ? 0 : -APP_E_NOSYS;
}
