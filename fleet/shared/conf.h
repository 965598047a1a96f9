/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as text: lines `key = value`, `#` begins a comment line. The same form for skerry.conf and skerryd.conf. */
#ifndef SHARED_CONF_H
#define SHARED_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

#define CONF_ENTRIES_MAX 32

struct conf {
	char *path, *text; /* owned; the entries point into text */
	struct {
		const char *key, *value;
	} entries[CONF_ENTRIES_MAX];
	size_t count;
};

/* Read `path` (≤ 64 KiB). 0 or -1. Free with conf_free(). */
int conf_read(const char *path, struct conf *conf, struct fleet_error *error) __attribute__((warn_unused_result));
void conf_free(struct conf *conf);

/* Is there a line for `key`? */
bool conf_has(const struct conf *conf, const char *key);
/* The value of `key`, borrowed from conf; missing: -1 with an error that names file and key. */
int conf_text(const struct conf *conf, const char *key, const char **value, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* The value of `key` as a number in 1..max. */
int conf_positive(const struct conf *conf, const char *key, uint64_t max, uint64_t *value, struct fleet_error *error)
	__attribute__((warn_unused_result));

#endif
