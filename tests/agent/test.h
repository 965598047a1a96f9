/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka and what it wants included before it. */
#ifndef TESTS_AGENT_TEST_H
#define TESTS_AGENT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ota/err.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A copy of `len` bytes with nothing readable behind it, so that the sanitizer sees a read too far. Freed by the caller. */
static inline char *exact_copy(const char *text, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return copy;
}

#endif
