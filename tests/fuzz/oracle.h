/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another implementation of JSON (jansson), to compare the agent's with. Behind names of its own, because both like the
 * same ones.
 */
#ifndef TESTS_FUZZ_ORACLE_H
#define TESTS_FUZZ_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oracle_type {
	ORACLE_OBJECT,
	ORACLE_ARRAY,
	ORACLE_STRING,
	ORACLE_INTEGER,
	ORACLE_REAL,
	ORACLE_TRUE,
	ORACLE_FALSE,
	ORACLE_NULL,
};

struct oracle; /* a value; those inside another are borrowed from it */

/* NULL: no JSON, or `*overflow`: a number that its types do not hold. Any value may stand at the top. */
struct oracle *oracle_read(const char *text, size_t len, bool *overflow);
void oracle_free(struct oracle *value); /* of oracle_read(); may be NULL */

enum oracle_type oracle_type(const struct oracle *value);
size_t oracle_count(const struct oracle *value); /* members or items; 0 for other types */
const struct oracle *oracle_item(const struct oracle *array, size_t index);
/* Member by number, in the text's order. */
const struct oracle *oracle_member_at(const struct oracle *object, size_t index, const char **name);
const struct oracle *oracle_member(const struct oracle *object, const char *name); /* NULL: none, or no object */
const char *oracle_text(const struct oracle *string, size_t *len); /* NULL: no string; `len` may be NULL */
int64_t oracle_integer(const struct oracle *value);
bool oracle_equal(const struct oracle *a, const struct oracle *b);

#endif
