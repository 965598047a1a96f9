/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the database that holds what apps measured: a ring per device and name, bounded by count and age. As store.h. */
#ifndef SKERRYD_STORE_TELEMETRY_H
#define SKERRYD_STORE_TELEMETRY_H

#include "skerryd/store.h"

#define STORE_TELEMETRY_MAX       500    /* values kept per device and name */
#define STORE_TELEMETRY_NAMES_MAX 16     /* names per device */
#define STORE_TELEMETRY_AGE_S     604800 /* how long a value is kept, and a name that is heard of no more */

struct store_telemetry {
	const char *device, *name;
	const char *value; /* JSON */
};
/* Keep a value. STORE_NONE: the device has as many names as it may. */
int store_telemetry_add(struct store *store, const struct store_telemetry *telemetry, int64_t now) STORE_CHECK;
/* Drop what is too old: a bounded piece of it. *more: there may be more. */
int store_telemetry_expire(struct store *store, int64_t now, bool *more) STORE_CHECK;

struct store_telemetry_query {
	const char *device, *name; /* name NULL: of all names */
	int64_t since;             /* values with a number above it, from the oldest on; -1: the newest */
	int64_t limit;
};
/* Oldest first. */
int store_telemetry_json(struct store *store, const struct store_telemetry_query *query, json_t **rows) STORE_CHECK;
/* The device's names, each with its newest value. */
int store_telemetry_names_json(struct store *store, const char *device, json_t **names) STORE_CHECK;

#endif
