/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/watchdog.h"

#include "kernel/dev.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "panic_report.h"
#include "thread_priv.h"
#include "watchdog_priv.h"

/* The hardware's: long enough for the slowest start, and whoever feeds does it far more often. */
#define BITE_MS 10000
/*
 * Ours: well before the hardware bites, which leaves time to write the record. Growling comes first, because time can leap
 * (an emulator or a debugger that stood still): whoever feeds gets the processor once more.
 */
#define GROWL_MS 8000
#define BARK_MS  1000 /* after growling */

static struct wdt_dev *wdt;         /* NULL: not guarded */
static const struct thread *feeder; /* NULL: nobody fed yet */
static uint64_t fed_ms, bark_ms;    /* bark_ms 0: not growling */

void watchdog_take_over(void)
{
	struct wdt_dev *found = dev_wdt();

	if (!found) {
		log_line(LOG_WARN, "watchdog: none on this board");
	} else if (found->ops->start(found, BITE_MS)) {
		log_line(LOG_ERR, "watchdog: does not start");
	} else {
		fed_ms = time_now_ms();
		wdt = found;
	}
}

void watchdog_feed(void)
{
	uint64_t state;

	if (!wdt)
		return;
	wdt->ops->feed(wdt);
	state = irq_save();
	feeder = thread_self();
	fed_ms = time_now_ms();
	bark_ms = 0;
	irq_restore(state);
}

static _Noreturn void bark(const struct thread *thread, const char *fmt, ...)
{
	const struct panic_site site = {.cause = PANIC_WATCHDOG, .thread = thread, .frame = &thread->frame};
	va_list ap;

	va_start(ap, fmt);
	panic_report(&site, fmt, ap);
}

/* The culprit is the feeder where it waits for something that never comes; else whoever keeps it from running, or itself. */
static _Noreturn void culprit_report(uint64_t unfed_ms)
{
	const struct mutex *mutex;

	if (!feeder || feeder->state != THREAD_WAITING)
		bark(thread_self(), "not fed for %lu ms, %s runs", (unsigned long)unfed_ms, thread_name(thread_self()));
	mutex = feeder->blocked_on;
	if (mutex && mutex->owner)
		bark(mutex->owner, "not fed for %lu ms, %s waits for a mutex of %s", (unsigned long)unfed_ms,
			feeder->name, thread_name(mutex->owner));
	bark(feeder, "not fed for %lu ms, %s waits", (unsigned long)unfed_ms, feeder->name);
}

uint64_t watchdog_check(uint64_t now_ms)
{
	if (!wdt)
		return UINT64_MAX;
	if (now_ms < fed_ms + GROWL_MS)
		return fed_ms + GROWL_MS;
	if (bark_ms == 0)
		bark_ms = now_ms + BARK_MS;
	if (now_ms >= bark_ms)
		culprit_report(now_ms - fed_ms);
	return bark_ms;
}
