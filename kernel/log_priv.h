/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_LOG_PRIV_H
#define KERNEL_LOG_PRIV_H

#include <stdarg.h>

#include "kernel/log.h"

/* As log_line(), with `prefix` before the text. */
void log_line_prefixed(enum log_level level, const char *prefix, const char *fmt, va_list ap);

/* Write to the console what is not there yet; on return nothing is left, unless another context is at it. */
void log_drain(void);

/* The machine is going down: from here on this context alone prints, at once, whoever was at it before. */
void log_take_over(void);

/* The last lines that fit into `cap` bytes, oldest first, each with a newline; returns their bytes. No NUL. */
size_t log_tail(char *buf, size_t cap);

#endif
