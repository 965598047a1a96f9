/* SPDX-License-Identifier: Apache-2.0 */
/* Counts by name, as a JSON object {name: n}. Names may come from devices: how many there are is bounded. Pure functions. */
#ifndef SKERRYD_TALLY_H
#define SKERRYD_TALLY_H

#include <jansson.h>

/* The name under which what does not fit is counted. */
#define TALLY_OTHER "other"

void tally_add(json_t *tally, const char *name, json_int_t count);
/* Add all of `more`. */
void tally_merge(json_t *tally, const json_t *more);
/* Keep the `max` names that count most, and the rest as TALLY_OTHER. */
void tally_cap(json_t *tally, size_t max);

#endif
