/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Last words. A panic prints a report (cause, registers, backtrace, thread, build id), writes the crash record where
 * the flash map has a place for it, and resets the machine. U-Boot then decides what runs (ota/SPEC.md §2).
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <stdint.h>

/* Values travel in reports and equal `enum ota_cause` where both name the same thing; see SPEC. */
enum panic_cause {
	PANIC_ASSERT,
	PANIC_FAULT,          /* exception: data abort, instruction abort, undefined, alignment */
	PANIC_STACK_OVERFLOW, /* fault in a guard page */
	PANIC_STACK_SMASHED,  /* canary */
	PANIC_HEAP_EXHAUSTED, /* the app's heap */
	PANIC_APP_RETURNED,
	PANIC_OUT_OF_MEMORY, /* the system's */
	PANIC_WATCHDOG,      /* nobody fed it; see kernel/watchdog.h */
};

_Noreturn void panic(enum panic_cause cause, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The cause of the panic before this start, as text ("app-returned"), or NULL; from the crash record. Static. */
const char *panic_last_cause(void);

/* Orderly reset: console and storage are settled by the caller. */
_Noreturn void machine_reset(void);
_Noreturn void machine_off(void);

#endif
