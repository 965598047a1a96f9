/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/panic.h"

#include <stdbool.h>
#include <stdio.h>

#include "arch/aarch64/cpu.h"
#include "crash_priv.h"
#include "kernel/app.h"
#include "kernel/bootinfo.h"
#include "kernel/dev.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "log_priv.h"
#include "panic_report.h"

#define BACKTRACE_MAX 13 /* with the prefix, what fits a log line */

static const char *const cause_names[] = {
	[PANIC_ASSERT] = "panic",
	[PANIC_FAULT] = "fault",
	[PANIC_STACK_OVERFLOW] = "stack-overflow",
	[PANIC_STACK_SMASHED] = "stack-smashed",
	[PANIC_HEAP_EXHAUSTED] = "heap-exhausted",
	[PANIC_APP_RETURNED] = "app-returned",
	[PANIC_OUT_OF_MEMORY] = "out-of-memory",
	[PANIC_WATCHDOG] = "watchdog",
};

static bool panicking;

const char *panic_cause_name(unsigned int cause)
{
	if (cause >= sizeof(cause_names) / sizeof(cause_names[0]))
		return cause_names[PANIC_ASSERT];
	return cause_names[cause];
}

/*
 * Into the exception vector on purpose: the report then runs on a stack of its own, with the caller's registers saved,
 * just as for a fault. Even the message is formatted there, because the caller's stack may be at its end.
 */
void panic(enum panic_cause cause, const char *fmt, ...)
{
	register uint64_t x0 __asm__("x0") = cause;
	register const char *x1 __asm__("x1") = fmt;
	register va_list *x2 __asm__("x2");
	va_list ap;

	va_start(ap, fmt);
	x2 = &ap;
	__asm__ volatile("brk %3" ::"r"(x0), "r"(x1), "r"(x2), "i"(BRK_PANIC) : "memory");
	__builtin_unreachable();
}

static void report_registers(const struct frame *frame)
{
	for (unsigned int i = 0; i < 28; i += 4)
		log_line(LOG_ERR, "panic: x%-2u %016lx %016lx %016lx %016lx", i, (unsigned long)frame->x[i],
			(unsigned long)frame->x[i + 1], (unsigned long)frame->x[i + 2], (unsigned long)frame->x[i + 3]);
	log_line(LOG_ERR, "panic: x28 %016lx fp=%016lx lr=%016lx", (unsigned long)frame->x[28],
		(unsigned long)frame->x[29], (unsigned long)frame->x[30]);
}

static void report_backtrace(const struct frame *frame)
{
	uint64_t pcs[BACKTRACE_MAX];
	size_t count = frame_backtrace(frame, pcs, BACKTRACE_MAX);
	char text[BACKTRACE_MAX * 11 + 1];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " 0x%lx", (unsigned long)pcs[i]);
	log_line(LOG_ERR, "panic: backtrace 0x%lx%s", (unsigned long)frame->elr, text);
}

static void report_print(const struct panic_site *site, const char *fmt, va_list ap)
{
	log_line(LOG_ERR, "panic: cause=%s thread=%s esr=0x%lx far=0x%lx elr=0x%lx sp=0x%lx spsr=0x%lx",
		panic_cause_name(site->cause), thread_name(site->thread), (unsigned long)site->esr,
		(unsigned long)site->far, (unsigned long)site->frame->elr, (unsigned long)site->frame->sp,
		(unsigned long)site->frame->spsr);
	log_line_prefixed(LOG_ERR, "panic: why ", fmt, ap);
	report_registers(site->frame);
	report_backtrace(site->frame);
	log_line(LOG_ERR, "panic: image=%s version=%s build=%s uptime_ms=%lu", app_image_name(), app_image_version(),
		build_id_hex(), (unsigned long)time_now_ms());
}

void panic_report(const struct panic_site *site, const char *fmt, va_list ap)
{
	/* A panic while reporting one: whatever is broken, do not touch it again. */
	if (panicking)
		machine_reset();
	panicking = true;
	log_take_over();
	report_print(site, fmt, ap);
	crash_write(site);
	log_line(LOG_ERR, "panic: resetting");
	machine_reset();
}

void machine_reset(void)
{
	struct power_dev *power = dev_power();

	if (power)
		power->ops->reset(power);
	/* No way to reset: the watchdog, which nobody feeds any more, has one. */
	cpu_irq_mask();
	for (;;)
		cpu_wfi();
}

void machine_off(void)
{
	struct power_dev *power = dev_power();

	if (power)
		power->ops->off(power);
	cpu_irq_mask();
	for (;;)
		cpu_wfi();
}
