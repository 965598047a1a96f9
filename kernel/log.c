/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slow console must not keep interrupts off, so lines go to the ring first. Whoever finds nobody printing prints
 * until the ring is dry; whoever is preempted or interrupts meanwhile leaves its line for that printer.
 */
#include "kernel/log.h"

#include <stdbool.h>
#include <stdio.h>

#include "kernel/dev.h"
#include "kernel/irq.h"
#include "kernel/time.h"
#include "log_priv.h"
#include "log_ring.h"

static struct log_ring ring;
static enum log_level level_max = LOG_INFO;
static uint64_t printed; /* number of the next line for the console */
static bool printing;

void log_level_set(enum log_level level)
{
	level_max = level;
}

static bool printer_begin(void)
{
	uint64_t state = irq_save();
	bool mine = !printing && dev_console();

	if (mine)
		printing = true;
	irq_restore(state);
	return mine;
}

/* The next line for the console, or -1 and the printer's role given back: both under one mask, so no line is left behind. */
static int printer_next(char *line, size_t cap)
{
	uint64_t state = irq_save();
	int len = log_ring_get(&ring, &printed, line, cap);

	if (len < 0)
		printing = false;
	irq_restore(state);
	return len;
}

void log_drain(void)
{
	char line[LOG_LINE_MAX + 1];
	int len;

	if (!printer_begin())
		return;
	while ((len = printer_next(line, sizeof(line))) >= 0) {
		struct console_dev *console = dev_console();

		console->ops->put(console, line, (size_t)len);
		console->ops->put(console, "\r\n", 2);
	}
}

void log_take_over(void)
{
	printing = false;
	log_drain();
}

static size_t clamp(int len, size_t cap)
{
	if (len < 0)
		return 0;
	return (size_t)len < cap ? (size_t)len : cap - 1;
}

/* What apps and peers put into a line must not forge another one or steer a terminal. */
static void line_sanitise(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = ' ';
}

void log_line_prefixed(enum log_level level, const char *prefix, const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX + 1];
	uint64_t now_ms, state;
	size_t len;

	if (level > level_max)
		return;
	now_ms = time_now_ms();
	len = clamp(snprintf(line, sizeof(line), "[%5lu.%03lu] %s", (unsigned long)(now_ms / 1000),
			    (unsigned long)(now_ms % 1000), prefix),
		sizeof(line));
	len += clamp(vsnprintf(line + len, sizeof(line) - len, fmt, ap), sizeof(line) - len);
	line_sanitise(line, len);
	state = irq_save();
	log_ring_put(&ring, line, len);
	irq_restore(state);
	log_drain();
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line_prefixed(level, "", fmt, ap);
	va_end(ap);
}

int log_read(uint64_t *seq, char *buf, size_t cap)
{
	uint64_t state = irq_save();
	int len = log_ring_get(&ring, seq, buf, cap);

	irq_restore(state);
	return len;
}

size_t log_tail(char *buf, size_t cap)
{
	char line[LOG_LINE_MAX + 1];
	size_t used = 0, total = 0;
	uint64_t seq = 0;
	int len;

	for (uint64_t at = 0; (len = log_read(&at, line, sizeof(line))) >= 0;)
		total += (size_t)len + 1;
	while ((len = log_read(&seq, line, sizeof(line))) >= 0) {
		size_t bytes = (size_t)len + 1;

		if (total <= cap - used) {
			for (size_t i = 0; i + 1 < bytes; i++)
				buf[used++] = line[i];
			buf[used++] = '\n';
		}
		total -= bytes;
	}
	return used;
}
