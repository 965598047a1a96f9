/* SPDX-License-Identifier: Apache-2.0 */
/* The app's calls and the port's, back to back; time passes only in thread_wait(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app_link.h"
#include "kernel/dev.h"
#include "kernel/irq.h"
#include "kernel/mem.h"
#include "kernel/panic.h"
#include "kernel/time.h"
#include "log_priv.h"

static struct thread *const agent = (struct thread *)0x1000, *const app = (struct thread *)0x2000;
static struct thread *self;
static uint64_t now_ms;
static uint32_t agent_signals;
static void (*while_waiting)(void);

struct thread *thread_self(void)
{
	return self;
}

void thread_signal(struct thread *thread, uint32_t bits)
{
	if (thread == agent)
		agent_signals |= bits;
}

uint32_t thread_wait(uint32_t mask, uint64_t deadline_ms)
{
	void (*act)(void) = while_waiting;

	while_waiting = NULL;
	if (act) {
		act();
		return mask;
	}
	assert_int_not_equal(deadline_ms, UINT64_MAX);
	now_ms = deadline_ms;
	return 0;
}

uint64_t time_now_ms(void)
{
	return now_ms;
}

uint64_t time_ticks(void)
{
	return 0;
}

uint64_t time_unix_s(void)
{
	return 0;
}

uint64_t irq_save(void)
{
	return 0;
}

void irq_restore(uint64_t state)
{
	(void)state;
}

struct rng_dev *dev_rng(void)
{
	return NULL;
}

void mem_stats_get(struct mem_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
}

void log_line_prefixed(enum log_level level, const char *prefix, const char *fmt, va_list ap)
{
	(void)level;
	(void)prefix;
	(void)fmt;
	(void)ap;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

const char *app_image_name(void)
{
	return "test";
}

const char *app_image_version(void)
{
	return "0.0.0";
}

int app_main(void)
{
	return 0;
}

void panic(enum panic_cause cause, const char *fmt, ...)
{
	(void)cause;
	fail_msg("panic: %s", fmt);
	abort();
}

static int setup(void **state)
{
	(void)state;
	memset(&app_link, 0, sizeof(app_link));
	for (uint32_t id = 0; id < 8; id++)
		app_timer_set(id, 0);
	now_ms = 0;
	agent_signals = 0;
	app_link.app = app;
	self = app;
	return 0;
}

static void attach(void)
{
	self = agent;
	app_port_attach(THREAD_SIG_APP);
	self = app;
}

static struct app_message message_of(const char *name, const char *text)
{
	struct app_message message = {.len = strlen(text)};

	snprintf(message.name, sizeof(message.name), "%s", name);
	memcpy(message.data, text, message.len);
	return message;
}

static void test_names(void **state)
{
	char long_name[APP_NAME_MAX + 1];

	(void)state;
	memset(long_name, 'x', APP_NAME_MAX);
	long_name[APP_NAME_MAX] = '\0';
	assert_false(app_name_valid(long_name));
	assert_true(app_name_valid(long_name + 1));
	assert_true(app_name_valid("A-z_09"));
	assert_false(app_name_valid(""));
	assert_false(app_name_valid("a/b"));
	assert_false(app_name_valid("a#"));
	assert_false(app_name_valid("+"));
	assert_false(app_name_valid("\xc3\xa4"));
}

static void test_without_agent(void **state)
{
	(void)state;
	assert_int_equal(app_publish("n", "x", 1), -APP_E_NOSYS);
	assert_int_equal(app_subscribe("n"), -APP_E_NOSYS);
	app_health_set(APP_WELL);
	assert_int_equal(app_port_health(), APP_WELL);
}

static void test_publish(void **state)
{
	static struct app_message message;

	(void)state;
	attach();
	assert_int_equal(app_publish("bad/name", "x", 1), -APP_E_INVAL);
	assert_int_equal(app_publish("n", "x", APP_DATA_MAX + 1), -APP_E_INVAL);
	assert_int_equal(agent_signals, 0);
	assert_int_equal(app_publish("reading", "21", 2), 0);
	assert_int_equal(agent_signals, THREAD_SIG_APP);
	assert_int_equal(app_port_take(&message), 1);
	assert_string_equal(message.name, "reading");
	assert_int_equal(message.len, 2);
	assert_int_equal(app_port_take(&message), 0);
}

static void test_health_signals_changes_only(void **state)
{
	(void)state;
	attach();
	assert_int_equal(app_port_health(), APP_STARTING);
	app_health_set(APP_WELL);
	assert_int_equal(agent_signals, THREAD_SIG_APP);
	agent_signals = 0;
	app_health_set(APP_WELL);
	assert_int_equal(agent_signals, 0);
	app_health_set(APP_ILL);
	assert_int_equal(agent_signals, THREAD_SIG_APP);
}

static void test_subscriptions(void **state)
{
	char names[APP_SUBSCRIPTIONS_MAX][APP_NAME_MAX], name[16];

	(void)state;
	attach();
	for (int i = 0; i < APP_SUBSCRIPTIONS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(app_subscribe(name), 0);
	}
	assert_int_equal(app_subscribe("n3"), 0);
	assert_int_equal(app_subscribe("more"), -APP_E_FULL);
	assert_int_equal(app_port_subscriptions(names, 2), APP_SUBSCRIPTIONS_MAX);
	assert_string_equal(names[1], "n1");
}

static void deliver_hello(void)
{
	struct app_message message = message_of("interval", "hello");

	assert_int_equal(app_port_deliver(&message), 0);
}

static void link_up(void)
{
	app_port_link(1);
}

static void test_wait(void **state)
{
	static struct app_event event;

	(void)state;
	app_wait(&event, 50);
	assert_int_equal(event.kind, APP_EV_TIMEOUT);
	assert_int_equal(now_ms, 50);
	while_waiting = deliver_hello;
	app_wait(&event, UINT64_MAX);
	assert_int_equal(event.kind, APP_EV_MESSAGE);
	assert_string_equal(event.name, "interval");
	assert_int_equal(event.len, 5);
	while_waiting = link_up;
	app_wait(&event, UINT64_MAX);
	assert_int_equal(event.kind, APP_EV_LINK);
	assert_int_equal(event.id, 1);
	assert_int_equal(app_timer_set(6, 20), 0);
	app_wait(&event, UINT64_MAX);
	assert_int_equal(event.kind, APP_EV_TIMER);
	assert_int_equal(event.id, 6);
	assert_int_equal(now_ms, 70);
	app_wait(&event, 0);
	assert_int_equal(event.kind, APP_EV_TIMEOUT);
}

/* A timer that is always due and a queue that is never empty: both are served. */
static void test_wait_is_fair(void **state)
{
	static struct app_event event;
	int timers = 0, messages = 0;

	(void)state;
	assert_int_equal(app_timer_set(0, 1), 0);
	for (int i = 0; i < 20; i++) {
		deliver_hello();
		now_ms += 2;
		app_wait(&event, 0);
		timers += event.kind == APP_EV_TIMER;
		messages += event.kind == APP_EV_MESSAGE;
	}
	assert_int_equal(timers, 10);
	assert_int_equal(messages, 10);
}

static void test_deliver_checks(void **state)
{
	static struct app_message message;
	int rc;

	(void)state;
	message = message_of("bad name", "x");
	assert_int_equal(app_port_deliver(&message), -APP_E_INVAL);
	message = message_of("n", "x");
	message.len = APP_DATA_MAX + 1;
	assert_int_equal(app_port_deliver(&message), -APP_E_INVAL);
	message.len = APP_DATA_MAX;
	while ((rc = app_port_deliver(&message)) == 0)
		continue;
	assert_int_equal(rc, -APP_E_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_without_agent, setup),
		cmocka_unit_test_setup(test_publish, setup),
		cmocka_unit_test_setup(test_health_signals_changes_only, setup),
		cmocka_unit_test_setup(test_subscriptions, setup),
		cmocka_unit_test_setup(test_wait, setup),
		cmocka_unit_test_setup(test_wait_is_fair, setup),
		cmocka_unit_test_setup(test_deliver_checks, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
