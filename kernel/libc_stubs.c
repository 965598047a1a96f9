/* SPDX-License-Identifier: Apache-2.0 */
/* What picolibc asks of the system below it. */
/* picolibc shows CLOCK_MONOTONIC to systems that have it, and cannot know that this one does. */
#define _POSIX_MONOTONIC_CLOCK 1

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/time.h"

/* printf() collects a line here; lines of two threads may mix, those of log_line() do not. */
static char line[LOG_LINE_MAX];
static size_t line_len;

static int console_putc(char c, FILE *file)
{
	uint64_t state = irq_save();
	char done[LOG_LINE_MAX + 1];
	size_t done_len = 0;

	(void)file;
	if (c != '\n')
		line[line_len++] = c;
	if (c == '\n' || line_len == sizeof(line)) {
		for (; done_len < line_len; done_len++)
			done[done_len] = line[done_len];
		line_len = 0;
	}
	irq_restore(state);
	done[done_len] = '\0';
	if (done_len)
		log_line(LOG_INFO, "stdout: %s", done);
	return (unsigned char)c;
}

static FILE console = FDEV_SETUP_STREAM(console_putc, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;
FILE *const stderr = &console;
FILE *const stdin = &console;

_Noreturn void _exit(int status)
{
	panic(PANIC_ASSERT, "exit(%d)", status);
}

_Noreturn void abort(void)
{
	panic(PANIC_ASSERT, "abort() from %p", __builtin_return_address(0));
}

_Noreturn void __assert_func(const char *file, int number, const char *function, const char *expression)
{
	panic(PANIC_ASSERT, "assert %s:%d %s: %s", file, number, function, expression);
}

int gettimeofday(struct timeval *now, void *zone)
{
	(void)zone;
	now->tv_sec = (time_t)time_unix_s();
	now->tv_usec = 0;
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock == CLOCK_MONOTONIC) {
		uint64_t ticks = time_ticks(), per_s = time_ticks_per_s();

		now->tv_sec = (time_t)(ticks / per_s);
		now->tv_nsec = (long)(ticks % per_s * 1000000000 / per_s);
		return 0;
	}
	if (clock == CLOCK_REALTIME) {
		now->tv_sec = (time_t)time_unix_s();
		now->tv_nsec = 0;
		return 0;
	}
	errno = EINVAL;
	return -1;
}

/* There are no files. Libraries that carry code for them still refer to these. */
ssize_t write(int fd, const void *data, size_t len)
{
	(void)fd;
	(void)data;
	(void)len;
	errno = EBADF;
	return -1;
}

ssize_t read(int fd, void *data, size_t len)
{
	(void)fd;
	(void)data;
	(void)len;
	errno = EBADF;
	return -1;
}

int close(int fd)
{
	(void)fd;
	errno = EBADF;
	return -1;
}
