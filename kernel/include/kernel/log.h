/* SPDX-License-Identifier: Apache-2.0 */
/* One ring of log lines; each also goes to the console. Lines read `area: event key=value`. Usable from any context. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

#define LOG_LINE_MAX 200

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lines above `level` are dropped. Default LOG_INFO. */
void log_level_set(enum log_level level);

/*
 * Read the line with number `*seq` (or the oldest kept, if that is later) into `buf` (NUL-terminated, truncated at
 * `cap`), and set `*seq` to the number after it. Returns its length, or -1 when there is none yet.
 */
int log_read(uint64_t *seq, char *buf, size_t cap);

#endif
