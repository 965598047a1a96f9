/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the first page of the device list takes, with its total: `bench_query [--json] [DEVICES [ROUNDS [LIMIT_MS]]]` fills a database with a fleet
 * (always the same) and prints p50 and p99 of each query in milliseconds of CPU time, which a loaded machine does not stretch. Over LIMIT_MS, if given:
 * exit code 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/file.h"
#include "skerryd/store_priv.h"

#define ROUNDS_MAX 1000

static const struct {
	const char *selector, *text;
} queries[] = {
	{"", NULL},
	{"board=board-1", NULL},
	{"online,version!=1.0.0", NULL},
	{"site=site-007", NULL},
	{"timezone=Europe/Berlin", NULL},
	{"ring in (canary early),board in (board-0 board-2),!online", NULL},
	{"health=safe,app=sensor,slot=b,!ring", NULL},
	{"owner!=o-1,timezone,ring=rest,mode=normal,online", NULL},
	{"id=dev-77777", NULL},
	{"", "dev-0077"},
	{"", "site-007"},
	{"online", "BERLIN"},
};
#define QUERIES (sizeof queries / sizeof *queries)

static double now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "bench_query: %s: %s\n", what, why);
	return -1;
}

/* Of every hundred: 80 online, 5 canaries, 1 in safe mode; 200 sites, 5 versions; a report of the usual length. */
static int fill(struct store *store, int64_t count)
{
	static const char sql[] =
		"WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?),"
		" r AS (SELECT i, (i * 2654435761 + 12345) % 4294967291 AS x FROM n)"
		" INSERT INTO devices (id, board, added_at, online, version, digest, mode, slot, health, app, report, "
		"attributes)"
		" SELECT printf('dev-%05d', i), 'board-' || (x % 3), 1, x % 100 < 80, '1.' || (x / 7 % 5) || '.0',"
		" printf('%064d', x / 7 % 5), 'normal', CASE x % 2 WHEN 0 THEN 'a' ELSE 'b' END,"
		" CASE WHEN x % 100 = 50 THEN 'safe' ELSE 'good' END, 'sensor', printf('{\"text\":\"%600d\"}', i),"
		" printf('{\"owner\":\"o-%d\",\"ring\":\"%s\",\"site\":\"site-%03d\",\"timezone\":\"Europe/Berlin\"}', "
		"x % 5000,"
		" CASE WHEN x % 20 = 0 THEN 'canary' ELSE 'rest' END, x / 11 % 200) FROM r";
	if (store_begin(store, STORE_KEPT_ON_KILL) < 0 || store_run(store, sql, "i", count) < 0 ||
		store_commit(store) < 0)
		return fail("cannot fill the database", store_error(store));
	return 0;
}

static int ask(struct store *store, size_t at, int64_t *total)
{
	struct selector selector;
	struct store_where where;
	struct fleet_error error;
	json_t *rows;
	bool more;
	if (selector_parse(queries[at].selector, &selector, &error) < 0 ||
		store_where_make(store, &selector, "", &where, &error) != 0)
		return fail(queries[at].selector, error.cause);
	const struct store_devices_query query = {.where = &where, .text = queries[at].text, .after = "", .limit = 100};
	int rc = store_devices_json(store, &query, &rows, &more, total);
	json_decref(rows);
	store_where_free(&where);
	return rc < 0 ? fail(queries[at].selector, store_error(store)) : 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The worst p99, or a negative number. */
static double run(struct store *store, int rounds, bool is_verbose)
{
	static double took[ROUNDS_MAX];
	double worst = 0;
	for (size_t at = 0; at < QUERIES; at++) {
		int64_t total = 0;
		for (int i = 0; i < rounds; i++) {
			double begin = now_ms();
			if (ask(store, at, &total) < 0)
				return -1;
			took[i] = now_ms() - begin;
		}
		qsort(took, (size_t)rounds, sizeof *took, compare);
		double p99 = took[(rounds * 99 - 1) / 100];
		if (is_verbose)
			printf("query p50_ms=%.1f p99_ms=%.1f total=%lld selector=\"%s\" q=\"%s\"\n", took[rounds / 2],
				p99, (long long)total, queries[at].selector, queries[at].text ? queries[at].text : "");
		worst = p99 > worst ? p99 : worst;
	}
	return worst;
}

int main(int argc, char **argv)
{
	bool is_json = argc > 1 && strcmp(argv[1], "--json") == 0;
	char **args = argv + is_json;
	argc -= is_json;
	int64_t devices = argc > 1 ? atoll(args[1]) : 100000;
	int rounds = argc > 2 ? atoi(args[2]) : 100;
	double limit_ms = argc > 3 ? atof(args[3]) : 1e9, worst = -1;
	char dir[] = "/tmp/skerry-bench-XXXXXX", path[64];
	struct store *store;
	struct fleet_error error;
	if (devices < 1 || rounds < 1 || rounds > ROUNDS_MAX || !mkdtemp(dir))
		return 2;
	snprintf(path, sizeof path, "%s/fleet.db", dir);
	if (store_open(path, &store, &error) < 0) {
		fail(path, error.cause);
	} else {
		if (fill(store, devices) == 0)
			worst = run(store, rounds, !is_json);
		store_close(store);
	}
	file_remove_tree(dir);
	printf(is_json ? "{\"devices\": %lld, \"p99_ms\": %.1f}\n" : "devices=%lld worst_p99_ms=%.1f\n",
		(long long)devices, worst);
	return worst >= 0 && worst <= limit_ms ? 0 : 1;
}
