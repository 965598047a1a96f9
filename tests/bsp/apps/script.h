/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test image: one thread that reads a script from the first sectors of the disk, obeys it line by line, and says
 * on the console what came of each: `test: VERB key=value …`, at the end `test: end`.
 */
#ifndef TESTS_BSP_SCRIPT_H
#define TESTS_BSP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_WORDS_MAX 8

/* A line in words; missing ones are "". */
struct script_line {
	const char *word[SCRIPT_WORDS_MAX];
};

struct script_verb {
	const char *name;
	void (*run)(const struct script_line *line);
};

/* Every file of verbs. */
extern const struct script_verb device_verbs[];
extern const size_t device_verbs_count;
extern const struct script_verb net_verbs[];
extern const size_t net_verbs_count;

/* Set by the verb that takes the watchdog over: from then on only the script feeds it. */
extern volatile bool script_owns_watchdog;

/* Word `index` as a decimal number, 0 if there is none. */
uint64_t script_number(const struct script_line *line, size_t index);

/* The byte at `position` of the endless test pattern number `seed`; test_net.py and test_bsp.py know the same one. */
uint8_t script_pattern(uint64_t seed, uint64_t position);

/* CRC-32 (IEEE 802.3, as zlib) of `len` more bytes after those that gave `crc`; 0 to begin. */
uint32_t script_crc32(uint32_t crc, const void *data, size_t len);

#endif
