/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Digits at *at; too large a number saturates: it is beyond the end in any case. False: no digit. */
static bool take_number(const char **at, uint64_t *out)
{
	const char *begin = *at;
	uint64_t value = 0;
	for (; **at >= '0' && **at <= '9'; ++*at) {
		uint64_t digit = (uint64_t)(**at - '0');
		value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
	}
	*out = value;
	return *at != begin;
}

static enum range_kind suffix(const char *at, uint64_t size, uint64_t *first, uint64_t *last)
{
	uint64_t count;
	if (!take_number(&at, &count) || *at)
		return RANGE_WHOLE;
	if (!count || !size)
		return RANGE_UNSATISFIABLE;
	*first = count < size ? size - count : 0;
	*last = size - 1;
	return RANGE_PART;
}

enum range_kind range_parse(const char *header, uint64_t size, uint64_t *first, uint64_t *last)
{
	if (!header || strncasecmp(header, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	const char *at = header + 6;
	at += strspn(at, " \t");
	if (*at == '-')
		return suffix(at + 1, size, first, last);
	if (!take_number(&at, first) || *at++ != '-')
		return RANGE_WHOLE;
	if (!*at)
		*last = UINT64_MAX;
	else if (!take_number(&at, last) || *at || *last < *first)
		return RANGE_WHOLE;
	if (*first >= size)
		return RANGE_UNSATISFIABLE;
	if (*last >= size)
		*last = size - 1;
	return RANGE_PART;
}
