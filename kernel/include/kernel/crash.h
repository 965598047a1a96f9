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
 * | 169 |    1 | slot, 'a' or 'b'; 0: not started by the boot loader                            |
 * | 170 |    2 | pc_count, at most 32                                                           |
 * | 172 |    4 | boots: number of the start that panicked                                       |
 * | 176 |    4 | uploaded: 1 once the fleet's server has it                                     |
 * | 184 |    8 | lr                                                                             |
 * | 192 |  256 | pcs: the backtrace, innermost first, 8 bytes each                              |
 * | 508 |    4 | CRC-32 of bytes 0..507                                                         |
 *
 * The text is UTF-8: the last log lines, the panic's report among them. CRC-32 as in ota/SPEC.md §2. The record's id is
 * the CRC-32 of bytes 0..507 with `seen` and `uploaded` 0: `boots` makes it another one for each crash of a device.
 */
#ifndef KERNEL_CRASH_H
#define KERNEL_CRASH_H

#include <stddef.h>
#include <stdint.h>

#define CRASH_PCS_MAX 32

struct crash_record {
	uint32_t id, boots;
	const char *cause; /* panic_cause_name() */
	char slot;         /* 'a', 'b' or 0 */
	uint64_t uptime_ms, esr, far, elr, sp, lr;
	uint64_t pcs[CRASH_PCS_MAX]; /* elr first, then return addresses */
	size_t pc_count;
	char thread[16], image[32], version[16], build_id[41];
	const char *text; /* text_bytes bytes of lines, each ending with '\n' unless it was cut; no NUL */
	size_t text_bytes;
};

/* The record that was found at this start and is not on the server yet; NULL: none. Static, until crash_uploaded(). */
const struct crash_record *crash_last(void);

/*
 * The server has it: durable on return, later starts do not offer it again. 0, or -DEV_E_* (then they do, which is
 * harmless). For one thread; crash_last() is NULL afterwards.
 */
int crash_uploaded(void) __attribute__((warn_unused_result));

#endif
