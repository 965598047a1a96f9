/* SPDX-License-Identifier: Apache-2.0 */
/* What skerryd counts about itself, for /metrics. Main thread only. All of it is bounded, whatever clients and devices send. */
#ifndef SKERRYD_METRICS_H
#define SKERRYD_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "skerryd/store_kept.h"
#include "skerryd/topic.h"

#define METRICS_BUCKETS 12
#define METRICS_ROUTES  160
#define METRICS_CODES   12

struct metrics_histogram {
	uint64_t buckets[METRICS_BUCKETS + 1]; /* each counts what no smaller one does; the last: above all bounds */
	uint64_t sum_us;
};

struct metrics_code {
	unsigned status; /* 0: nothing was answered */
	uint64_t count;
};

struct metrics_route {
	const char *method, *path; /* borrowed for good: of the table of routes */
	struct metrics_code codes[METRICS_CODES];
	struct metrics_histogram time; /* of those that did not wait for something to happen */
};

struct metrics {
	int64_t started_at;                                  /* unix seconds */
	uint64_t taken[TOPIC_KINDS + 1], malformed, unknown; /* messages; taken[0]: of no known kind */
	uint64_t throttled;                                  /* dropped: too many of one device */
	struct metrics_histogram transaction[2];             /* [1]: on the disk when it ends */
	int64_t transaction_us;                              /* when the open one began */
	uint64_t store_failures;
	struct metrics_route routes[METRICS_ROUTES];
	unsigned route_count;
	uint64_t deliveries[2];                /* of webhooks: failed, done */
	uint64_t kept_drops[STORE_KEPT_KINDS]; /* rows, for the bound of the whole fleet */
	uint64_t webhook_drops;                /* that no queue had room for */
};

/* A clock that only goes forward, in µs. */
int64_t metrics_now_us(void);
/* The process's own figures. 0 where they cannot be read. */
int64_t metrics_rss_bytes(void);
double metrics_cpu_s(void);

void metrics_observe(struct metrics_histogram *histogram, int64_t us);

struct metrics_request {
	const char *method, *path; /* of the route, for good; NULL: there was none */
	unsigned status;
	bool has_waited;
	int64_t us;
};
void metrics_http(struct metrics *metrics, const struct metrics_request *request);

/* ---- the text format, version 0.0.4 ---- */

/* "# HELP" and "# TYPE"; `type` as "gauge". */
void metrics_head(FILE *to, const char *name, const char *type, const char *help);
/* A label's value, quoted and escaped. */
void metrics_label(FILE *to, const char *value);
/* The series of one histogram; `labels` as `a="b"`, or "". */
void metrics_histogram_print(FILE *to, const char *name, const char *labels, const struct metrics_histogram *histogram);
/* Everything in `metrics`. */
void metrics_print(FILE *to, const struct metrics *metrics);

#endif
