/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_CRASH_PRIV_H
#define KERNEL_CRASH_PRIV_H

#include "kernel/crash.h"
#include "panic_report.h"

/* Write the record, if the flash map has a place for it and the device a panic_write. Interrupts masked. */
void crash_write(const struct panic_site *site);

/* At boot: take note of a record that no start has seen, log it, and mark it as seen; keep one that is to be uploaded. */
void crash_read_last(void);

#endif
