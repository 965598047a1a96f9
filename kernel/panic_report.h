/* SPDX-License-Identifier: Apache-2.0 */
/* From the exception handlers to the report. */
#ifndef KERNEL_PANIC_REPORT_H
#define KERNEL_PANIC_REPORT_H

#include <stdarg.h>
#include <stdint.h>

#include "arch/aarch64/frame.h"
#include "kernel/panic.h"
#include "kernel/thread.h"

struct panic_site {
	enum panic_cause cause;
	const struct thread *thread; /* whose it is */
	const struct frame *frame;   /* of that thread, or of the handler that it was in */
	uint64_t esr, far;           /* 0 when no exception led here */
};

/* Print, record, reset. Runs on the exception or the emergency stack with interrupts masked; a second call resets at once. */
_Noreturn void panic_report(const struct panic_site *site, const char *fmt, va_list ap);

/* "app-returned" and so on; equal to the names of enum ota_cause where both know the thing. Static. */
const char *panic_cause_name(unsigned int cause);

#endif
