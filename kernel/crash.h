/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crash record: what the last panic left in the flash range `crash`. Sector 0 is the header, the text follows.
 *
 * | off | size | field                                                                          |
 * |   0 |    4 | magic `SKCR`                                                                   |
 * |   4 |    4 | format = 1                                                                     |
 * |   8 |    4 | text_bytes, from byte 512 of the range                                         |
 * |  12 |    4 | CRC-32 of the text                                                             |
 * |  16 |    4 | cause, enum panic_cause                                                        |
 * |  20 |    4 | seen: 1 once a start has taken note of it                                      |
 * |  24 |    8 | uptime_ms                                                                      |
 * |  32 |   32 | esr, far, elr, sp, 8 bytes each                                                |
 * |  64 |   16 | thread, NUL-terminated                                                         |
 * |  80 |   32 | image name, NUL-terminated                                                     |
 * | 112 |   16 | image version, NUL-terminated                                                  |
 * | 128 |   41 | build id, hex, NUL-terminated                                                  |
 * | 508 |    4 | CRC-32 of bytes 0..507                                                         |
 *
 * The text is UTF-8: the last log lines, the panic's report among them. CRC-32 as in ota/SPEC.md §2.
 */
#ifndef KERNEL_CRASH_H
#define KERNEL_CRASH_H

#include "panic_report.h"

/* Write the record, if the flash map has a place for it and the device a panic_write. Interrupts masked. */
void crash_write(const struct panic_site *site, const char *thread);

/* At boot: take note of a record that no start has seen, log it, and mark it as seen. */
void crash_read_last(void);

#endif
