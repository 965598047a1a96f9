/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the database that counts the fleet, now and over time. As store.h. */
#ifndef SKERRYD_STORE_HISTORY_H
#define SKERRYD_STORE_HISTORY_H

#include "skerryd/store.h"

/* What there is now, of the tenant, "" = of all: rows {"tenant", "state", "version"?, "online", "health"?, "count"}, whose counts add up to all devices. */
int store_count_devices_json(struct store *store, const char *tenant, json_t **rows) STORE_CHECK;
/* Active devices of the tenant, "" = of all, whose certificate expires before the unix second `before`, or has. */
int store_count_expiring(struct store *store, const char *tenant, int64_t before, int64_t *count) STORE_CHECK;
/* Rows {"tenant", "status", "count"} of jobs; `open`: only of those that are not over. */
int store_count_jobs_json(struct store *store, const char *tenant, bool open, json_t **rows) STORE_CHECK;
/* Rows {"state", "count"} of rollouts. */
int store_count_rollouts_json(struct store *store, const char *tenant, json_t **rows) STORE_CHECK;

/* The state of a tenant's fleet ("" = all of it) in the minute that begins at `time`: JSON. A second one of a minute replaces the first. */
int store_history_put(struct store *store, const char *tenant, int64_t time, const char *value) STORE_CHECK;
/* Minutes are kept for 2 days, of older ones the first of each hour, after 90 days the first of each day, for 10 years. */
int store_history_thin(struct store *store, int64_t now) STORE_CHECK;

struct store_history_query {
	const char *tenant;
	int64_t from, to; /* unix seconds, from ≤ time < to */
	int64_t step;     /* of each so many seconds the last row only */
};
/* Rows {"time", "value"}, oldest first. */
int store_history_json(struct store *store, const struct store_history_query *query, json_t **rows) STORE_CHECK;

#endif
