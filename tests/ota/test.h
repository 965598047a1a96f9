/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka and what it wants included before it. */
#ifndef TESTS_OTA_TEST_H
#define TESTS_OTA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ota/err.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
