/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet counted, over time: counts that add up, bounded; rows thinned as promised. */
#include "skerryd/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "shared/file.h"
#include "skerryd/store_history.h"
#include "skerryd/tally.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)
#define NOW  (20000 * DAY)

struct fixture {
	char dir[64], path[80];
	struct store *store;
};

static int set_up(void **state)
{
	struct fleet_error error;
	struct fixture *f = calloc(1, sizeof *f);
	strcpy(f->dir, "/tmp/skerry-history-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof f->path, "%s/fleet.db", f->dir);
	*state = f;
	return store_open(f->path, &f->store, &error);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	store_close(f->store);
	file_remove_tree(f->dir);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *tenant, int64_t time)
{
	char value[48];
	snprintf(value, sizeof value, "{\"t\":%lld}", (long long)time);
	assert_int_equal(store_history_put(f->store, tenant, time, value), 0);
}

static json_t *rows_of(struct fixture *f, const char *tenant, int64_t from, int64_t to, int64_t step)
{
	json_t *rows;
	const struct store_history_query query = {tenant, from, to, step};
	assert_int_equal(store_history_json(f->store, &query, &rows), 0);
	return rows;
}

static int64_t time_at(const json_t *rows, size_t index)
{
	return json_integer_value(json_object_get(json_array_get(rows, index), "time"));
}

/* How many rows, all of which are multiples of `step` seconds after `from`. */
static size_t count(struct fixture *f, int64_t from, int64_t to, int64_t step)
{
	json_t *rows = rows_of(f, "t", from, to, 1);
	size_t size = json_array_size(rows);
	for (size_t i = 0; i < size; i++)
		assert_int_equal((time_at(rows, i) - from) % step, 0);
	json_decref(rows);
	return size;
}

static void thinned(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store_begin(f->store, STORE_KEPT_ON_KILL), 0);
	/* Minutes of four days around each border, the ones that matter. */
	for (int64_t time = NOW - 4 * DAY; time <= NOW; time += 60)
		put(f, "t", time);
	for (int64_t time = NOW - 92 * DAY; time < NOW - 88 * DAY; time += 600)
		put(f, "t", time);
	for (int64_t day = 3650; day < 3660; day++)
		put(f, "t", NOW - day * DAY);
	put(f, "u", NOW - 3 * DAY + 61);
	for (int i = 0; i < 2; i++) { /* a second time there is nothing to do */
		assert_int_equal(store_history_thin(f->store, NOW), 0);
		assert_int_equal(count(f, NOW - 2 * DAY, NOW + 1, 60), 2 * 24 * 60 + 1);
		assert_int_equal(count(f, NOW - 4 * DAY, NOW - 2 * DAY, HOUR), 48);
		assert_int_equal(count(f, NOW - 90 * DAY, NOW - 88 * DAY, HOUR), 48);
		assert_int_equal(count(f, NOW - 92 * DAY, NOW - 90 * DAY, DAY), 2);
		assert_int_equal(count(f, 0, NOW - 100 * DAY, 1), 4);
	}
	json_t *rows = rows_of(f, "u", 0, NOW, 1);
	assert_int_equal(json_array_size(rows), 1); /* the only one of its hour */
	json_decref(rows);
	assert_int_equal(store_commit(f->store), 0);
}

static void stepped(void **state)
{
	struct fixture *f = *state;
	for (int64_t i = 0; i < 100; i++)
		put(f, "t", NOW + i * 60);
	put(f, "u", NOW);
	put(f, "t", NOW + 60); /* again: replaces */
	json_t *rows = rows_of(f, "t", NOW, NOW + 6000, 600);
	assert_int_equal(json_array_size(rows), 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(time_at(rows, i), NOW + (int64_t)i * 600 + 540);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json_array_get(rows, 0), "value"), "t")), NOW + 540);
	json_decref(rows);
	rows = rows_of(f, "t", NOW + 60, NOW + 180, 1);
	assert_int_equal(json_array_size(rows), 2);
	assert_int_equal(time_at(rows, 0), NOW + 60);
	json_decref(rows);
}

static void run(struct fixture *f, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void ticks(void **state)
{
	struct fixture *f = *state;
	struct skerryd server = {.store = f->store};
	run(f, "INSERT INTO tenants VALUES ('t', 0);"
	       "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
	       " INSERT INTO devices (id, board, added_at, online, version, health, tenant, state) SELECT 'd' || i, "
	       "'b',"
	       " 0, i % 2, 'v' || (i % 30), CASE WHEN i % 4 = 0 THEN 'good' END, CASE WHEN i > 90 THEN 't' ELSE "
	       "'default' END,"
	       " CASE WHEN i = 100 THEN 'retired' ELSE 'active' END FROM n;"
	       "INSERT INTO jobs (id, device, digest, status, version_number, queued_at, updated_at, details, document)"
	       " VALUES ('1', 'd91', 'x', 'QUEUED', 1, 0, 0, '{}', '{}'), ('2', 'd1', 'x', 'IN_PROGRESS', 1, 0, 0, "
	       "'{}', '{}'),"
	       " ('3', 'd2', 'x', 'SUCCEEDED', 1, 0, 0, '{}', '{}')");
	history_tick(&server);
	history_tick(&server); /* the same minute, or the next */
	static const struct {
		const char *tenant;
		json_int_t devices, online, jobs, good;
	} wanted[] = {{"", 99, 50, 2, 24}, {"default", 90, 45, 1, 22}, {"t", 9, 5, 1, 2}};
	for (size_t i = 0; i < 3; i++) {
		json_t *rows = rows_of(f, wanted[i].tenant, 0, INT64_MAX / 2, 1);
		const json_t *value = json_object_get(json_array_get(rows, 0), "value"), *sum;
		const char *name;
		json_int_t versions = 0;
		assert_int_equal(json_integer_value(json_object_get(value, "devices")), wanted[i].devices);
		assert_int_equal(json_integer_value(json_object_get(value, "online")), wanted[i].online);
		assert_int_equal(json_integer_value(json_object_get(value, "jobs")), wanted[i].jobs);
		const json_t *health = json_object_get(value, "health");
		assert_int_equal(json_integer_value(json_object_get(health, "good")), wanted[i].good);
		assert_int_equal(
			json_integer_value(json_object_get(health, "unknown")), wanted[i].devices - wanted[i].good);
		json_t *all = json_object_get(value, "versions");
		assert_true(json_object_size(all) <= HISTORY_VERSIONS_MAX + 1);
		json_object_foreach(all, name, sum) versions += json_integer_value(sum);
		assert_int_equal(versions, wanted[i].devices);
		json_decref(rows);
	}
	json_t *rows;
	assert_int_equal(store_count_devices_json(f->store, "t", &rows), 0);
	json_int_t sum = 0;
	for (size_t i = 0; i < json_array_size(rows); i++)
		sum += json_integer_value(json_object_get(json_array_get(rows, i), "count"));
	assert_int_equal(sum, 10);
	json_decref(rows);
}

static void capped(void **state)
{
	(void)state;
	json_t *tally = json_pack("{s:i, s:i, s:i, s:i, s:i}", "a", 5, "b", 1, "c", 3, "d", 1, "e", 1);
	tally_cap(tally, 5);
	assert_int_equal(json_object_size(tally), 5);
	tally_cap(tally, 3);
	json_t *wanted = json_pack("{s:i, s:i, s:i, s:i}", "a", 5, "b", 1, "c", 3, TALLY_OTHER, 2);
	assert_true(json_equal(tally, wanted));
	tally_merge(tally, wanted);
	assert_int_equal(json_integer_value(json_object_get(tally, "a")), 10);
	json_decref(tally);
	json_decref(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(thinned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stepped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ticks, set_up, tear_down),
		cmocka_unit_test(capped),
	};
	return cmocka_run_group_tests_name("fleet/history", tests, NULL, NULL);
}
