/* SPDX-License-Identifier: Apache-2.0 */
/* A Range header (RFC 9110 §14) against a resource. */
#ifndef SKERRYD_RANGE_H
#define SKERRYD_RANGE_H

#include <stdint.h>

enum range_kind {
	RANGE_WHOLE = 1,     /* none, or one that is to be ignored (other unit, malformed, several parts): 200 */
	RANGE_PART,          /* 206 */
	RANGE_UNSATISFIABLE, /* 416 */
};

/*
 * Read `header` ("bytes=a-b", "bytes=a-", "bytes=-n"; NULL: no header) for a resource of `size` bytes. PART: *first and *last (inclusive) are set, within the resource.
 */
enum range_kind range_parse(const char *header, uint64_t size, uint64_t *first, uint64_t *last);

#endif
