/* SPDX-License-Identifier: Apache-2.0 */
/* The database: groups are whole or not there, bounds hold, what is not ours is refused with a reason. */
#include "skerryd/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "shared/file.h"
#include "skerryd/store_kept.h"
#include "skerryd/store_schema.h"
#include "skerryd/store_telemetry.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct fixture {
	char dir[64], path[80];
	struct store *store;
};

static int set_up(void **state)
{
	struct fleet_error error;
	struct fixture *f = calloc(1, sizeof *f);
	strcpy(f->dir, "/tmp/skerry-store-XXXXXX");
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

static void reopen(struct fixture *f)
{
	struct fleet_error error;
	store_close(f->store);
	assert_int_equal(store_open(f->path, &f->store, &error), 0);
}

static void begin(struct fixture *f)
{
	assert_int_equal(store_begin(f->store, STORE_KEPT_ON_KILL), 0);
}

static void commit(struct fixture *f)
{
	assert_int_equal(store_commit(f->store), 0);
}

static void add_device(struct fixture *f, const char *id)
{
	bool added;
	begin(f);
	assert_int_equal(store_device_put(f->store, id, "qemu-virt", 1000, &added), 0);
	assert_true(added);
	commit(f);
}

static int add_job(struct fixture *f, const char *id, const char *device)
{
	char details[] = "{}", document[] = "{\"op\":\"install\"}";
	struct store_job job = {.status = JOB_QUEUED,
		.version_number = 1,
		.queued_at = 1000,
		.updated_at = 1000,
		.details = details,
		.document = document};
	snprintf(job.id, sizeof job.id, "%s", id);
	snprintf(job.device, sizeof job.device, "%s", device);
	snprintf(job.digest, sizeof job.digest, "%s", DIGEST);
	return store_job_add(f->store, &job);
}

static void groups(void **state)
{
	struct fixture *f = *state;
	struct store_device device;
	struct store_event event = {.kind = "x", .text = "y"};
	json_t *events;
	bool added;
	begin(f);
	assert_int_equal(store_device_put(f->store, "a", "b", 1, &added), 0);
	assert_int_equal(store_event_add(f->store, &event, 1), 0);
	store_rollback(f->store);
	assert_int_equal(store_device_get(f->store, "a", &device), STORE_NONE);
	begin(f);
	assert_int_equal(store_device_put(f->store, "a", "b", 1, &added), 0);
	/* The daemon dies here: closing without a commit. */
	reopen(f);
	assert_int_equal(store_device_get(f->store, "a", &device), STORE_NONE);
	assert_int_equal(store_events_json(f->store, &(struct store_event_query){.limit = STORE_ROWS_MAX}, &events), 0);
	assert_int_equal(json_array_size(events), 0);
	json_decref(events);
	add_device(f, "a");
	reopen(f);
	assert_int_equal(store_device_get(f->store, "a", &device), 0);
	begin(f);
	assert_int_equal(store_device_put(f->store, "a", "other", 1, &added), 0);
	assert_false(added);
	commit(f);
}

static void one_open_job(void **state)
{
	struct fixture *f = *state;
	struct store_job job;
	add_device(f, "a");
	add_device(f, "b");
	assert_int_equal(store_job_next(f->store, "a", &job), STORE_NONE);
	assert_int_equal(add_job(f, "j1", "a"), 0);
	assert_int_equal(add_job(f, "j2", "a"), STORE_NONE);
	assert_int_equal(add_job(f, "j3", "b"), 0);
	assert_int_equal(add_job(f, "j4", "nobody"), STORE_NONE); /* a job belongs to a device */
	assert_int_equal(store_job_next(f->store, "a", &job), 0);
	assert_string_equal(job.id, "j1");
	job.status = JOB_FAILED;
	job.version_number = 2;
	assert_int_equal(store_job_put(f->store, &job), 0);
	store_job_free(&job);
	assert_int_equal(store_job_next(f->store, "a", &job), STORE_NONE);
	assert_int_equal(add_job(f, "j2", "a"), 0);
	assert_int_equal(add_job(f, "j2", "b"), STORE_NONE); /* ids are used once */
	assert_int_equal(store_job_get(f->store, "j1", &job), 0);
	assert_int_equal(job.status, JOB_FAILED);
	assert_string_equal(job.document, "{\"op\":\"install\"}");
	store_job_free(&job);
}

static void silent_jobs(void **state)
{
	struct fixture *f = *state;
	struct store_job job;
	add_device(f, "a");
	assert_int_equal(add_job(f, "j1", "a"), 0);
	assert_int_equal(store_job_silent(f->store, 9999, &job), STORE_NONE); /* queued: it may wait for ever */
	assert_int_equal(store_job_get(f->store, "j1", &job), 0);
	job.status = JOB_IN_PROGRESS;
	job.updated_at = 2000;
	assert_int_equal(store_job_put(f->store, &job), 0);
	store_job_free(&job);
	assert_int_equal(store_job_silent(f->store, 2000, &job), STORE_NONE);
	assert_int_equal(store_job_silent(f->store, 2001, &job), 0);
	store_job_free(&job);
}

static json_int_t number_of(const json_t *rows, size_t index)
{
	return json_integer_value(json_object_get(json_array_get(rows, index), "n"));
}

static void bounded_logs(void **state)
{
	struct fixture *f = *state;
	json_t *rows;
	char text[32];
	begin(f);
	for (int i = 0; i < STORE_LOG_LINES_MAX + 300; i++) {
		snprintf(text, sizeof text, "line %d", i);
		assert_int_equal(store_log_add(f->store, "a", 1, text), 0);
	}
	assert_int_equal(store_log_add(f->store, "b", 1, "other"), 0);
	assert_int_equal(store_log_trim(f->store, "a"), 0);
	commit(f);
	assert_int_equal(store_logs_json(f->store, "a", 0, &rows), 0);
	assert_int_equal(json_array_size(rows), STORE_ROWS_MAX);
	assert_int_equal(number_of(rows, 0), 301);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "text")), "line 300");
	json_decref(rows);
	assert_int_equal(store_logs_json(f->store, "a", STORE_LOG_LINES_MAX + 299, &rows), 0);
	assert_int_equal(json_array_size(rows), 1);
	json_decref(rows);
	assert_int_equal(store_logs_json(f->store, "b", 0, &rows), 0);
	assert_int_equal(json_array_size(rows), 1);
	json_decref(rows);
}

static void bounded_events(void **state)
{
	struct fixture *f = *state;
	struct store_event event = {.kind = "x", .device = "a", .text = "y", .details = "{\"a\":1}"};
	json_t *rows;
	begin(f);
	for (int i = 0; i < STORE_EVENTS_MAX + 10; i++)
		assert_int_equal(store_event_add(f->store, &event, i), 0);
	commit(f);
	assert_int_equal(store_events_json(f->store, &(struct store_event_query){.limit = STORE_ROWS_MAX}, &rows), 0);
	assert_int_equal(number_of(rows, 0), 11);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json_array_get(rows, 0), "details"), "a")), 1);
	json_decref(rows);
	assert_int_equal(store_events_json(f->store,
				 &(struct store_event_query){.device = "nobody", .limit = STORE_ROWS_MAX}, &rows),
		0);
	assert_int_equal(json_array_size(rows), 0);
	json_decref(rows);
}

static void newest_events(void **state)
{
	struct fixture *f = *state;
	struct store_event event = {.kind = "x", .device = "a", .text = "y"};
	json_t *rows;
	begin(f);
	for (int i = 1; i <= 30; i++) {
		event.rollout = i % 3 ? NULL : "r-1";
		assert_int_equal(store_event_add(f->store, &event, i), 0);
	}
	commit(f);
	struct store_event_query query = {.limit = 5, .newest = true};
	assert_int_equal(store_events_json(f->store, &query, &rows), 0);
	assert_int_equal(json_array_size(rows), 5);
	assert_int_equal(number_of(rows, 0), 26);
	assert_int_equal(number_of(rows, 4), 30);
	json_decref(rows);
	query.rollout = "r-1";
	assert_int_equal(store_events_json(f->store, &query, &rows), 0);
	assert_int_equal(json_array_size(rows), 5);
	assert_int_equal(number_of(rows, 0), 18);
	json_decref(rows);
	query.since = 27;
	assert_int_equal(store_events_json(f->store, &query, &rows), 0);
	assert_int_equal(json_array_size(rows), 1);
	json_decref(rows);
}

static void images(void **state)
{
	struct fixture *f = *state;
	const uint8_t bytes[] = {1, 0, 2};
	struct store_manifest manifest = {
		.bytes = bytes, .len = sizeof bytes, .understood = true, .version = "1.2.3", .app = "x"};
	uint8_t *got;
	size_t len;
	char version[32];
	bool added;
	assert_int_equal(store_manifest_get(f->store, DIGEST, &got, &len, version), STORE_NONE);
	assert_int_equal(store_payload_put(f->store, DIGEST, 5, 1), 0);
	assert_int_equal(
		store_manifest_get(f->store, DIGEST, &got, &len, version), STORE_NONE); /* a payload is no manifest */
	assert_int_equal(store_manifest_put(f->store, DIGEST, &manifest, 2, &added), 0);
	assert_true(added);
	assert_int_equal(store_manifest_get(f->store, DIGEST, &got, &len, version), 0);
	assert_int_equal(len, sizeof bytes);
	assert_memory_equal(got, bytes, sizeof bytes);
	assert_string_equal(version, "1.2.3");
	free(got);
	manifest.understood = false; /* forced: the old one's version must not stay */
	assert_int_equal(store_manifest_put(f->store, DIGEST, &manifest, 3, &added), 0);
	assert_false(added);
	assert_int_equal(store_manifest_get(f->store, DIGEST, &got, &len, version), 0);
	assert_string_equal(version, "");
	free(got);
}

/* ---- what is not ours ---- */

static void exec(const char *path, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static bool crash_is_new(struct fixture *f, const char *device, const char *id)
{
	const struct store_crash crash = {.id = id, .cause = "fault", .version = "1.0.0", .json = "{\"id\":\"x\"}"};
	bool added;
	begin(f);
	assert_int_equal(store_crash_add(f->store, device, &crash, 1000, &added), 0);
	commit(f);
	return added;
}

static void crashes(void **state)
{
	struct fixture *f = *state;
	json_t *rows, *crash;
	bool added;
	char id[16];
	begin(f);
	assert_int_equal(store_device_put(f->store, "one", "b", 1, &added), 0);
	assert_int_equal(store_device_put(f->store, "two", "b", 1, &added), 0);
	commit(f);
	assert_true(crash_is_new(f, "two", "00000000"));
	for (int i = 0; i < STORE_CRASHES_MAX + 5; i++) {
		snprintf(id, sizeof id, "%08x", i);
		assert_true(crash_is_new(f, "one", id));
		assert_false(crash_is_new(f, "one", id));
	}
	assert_int_equal(store_crashes_json(f->store, "one", &rows), 0);
	assert_int_equal(json_array_size(rows), STORE_CRASHES_MAX);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "id")), id);
	json_decref(rows);
	/* The bound is each device's own. */
	assert_int_equal(store_crashes_json(f->store, NULL, &rows), 0);
	assert_int_equal(json_array_size(rows), STORE_CRASHES_MAX + 1);
	json_decref(rows);
	assert_int_equal(store_crash_json(f->store, "one", "00000000", &crash), STORE_NONE);
	assert_int_equal(store_crash_json(f->store, "two", "00000000", &crash), 0);
	assert_string_equal(json_string_value(json_object_get(json_object_get(crash, "record"), "id")), "x");
	json_decref(crash);
}

static struct store_kept kept(const struct fixture *f, enum store_kept_what what)
{
	struct store_kept kept;
	assert_int_equal(store_kept_get(f->store, what, &kept), 0);
	return kept;
}

/* Of two devices, in turns; each value has 100 bytes. */
static void add_telemetry(struct fixture *f, int count)
{
	char value[101];
	for (int i = 0; i < count; i++) {
		snprintf(value, sizeof value, "%0100d", i);
		assert_int_equal(
			store_telemetry_add(f->store,
				&(struct store_telemetry){.device = i % 2 ? "a" : "b", .name = "n", .value = value}, 1),
			0);
	}
}

/* Counted as they come and go, also by other ways; the oldest go first, a piece at a time. */
static void kept_in_all(void **state)
{
	struct fixture *f = *state;
	const int values = 2 * STORE_TELEMETRY_MAX;
	int64_t dropped;
	json_t *rows;
	begin(f);
	add_telemetry(f, values + 10);
	commit(f);
	struct store_kept before = kept(f, STORE_KEPT_TELEMETRY);
	assert_int_equal(before.rows, values); /* the ring has taken ten */
	assert_in_range(before.bytes, 110 * values, 250 * values);
	begin(f);
	assert_int_equal(store_kept_drop(f->store, STORE_KEPT_TELEMETRY, &dropped), 0);
	store_rollback(f->store);
	assert_int_equal(kept(f, STORE_KEPT_TELEMETRY).bytes, before.bytes);
	begin(f);
	assert_int_equal(store_kept_drop(f->store, STORE_KEPT_TELEMETRY, &dropped), 0);
	commit(f);
	assert_int_equal(dropped, STORE_KEPT_PIECE);
	assert_int_equal(kept(f, STORE_KEPT_TELEMETRY).rows, values - STORE_KEPT_PIECE);
	assert_int_equal(kept(f, STORE_KEPT_TELEMETRY).bytes, before.bytes / values * (values - STORE_KEPT_PIECE));
	assert_int_equal(
		store_telemetry_json(f->store,
			&(struct store_telemetry_query){.device = "a", .since = 0, .limit = STORE_ROWS_MAX}, &rows),
		0);
	assert_int_equal(json_array_size(rows), (values - STORE_KEPT_PIECE) / 2);
	assert_int_equal(number_of(rows, 0), 10 + STORE_KEPT_PIECE + 2);
	json_decref(rows);
	do {
		assert_int_equal(store_kept_drop(f->store, STORE_KEPT_TELEMETRY, &dropped), 0);
	} while (dropped > 0);
	assert_int_equal(kept(f, STORE_KEPT_TELEMETRY).rows, 0);
	assert_int_equal(kept(f, STORE_KEPT_TELEMETRY).bytes, 0);
	add_device(f, "a");
	assert_true(crash_is_new(f, "a", "12345678"));
	assert_int_equal(store_log_add(f->store, "a", 1, "line"), 0);
	assert_int_equal(kept(f, STORE_KEPT_CRASHES).rows, 1);
	assert_int_equal(kept(f, STORE_KEPT_LOGS).rows, 1);
	assert_int_equal(store_kept_drop(f->store, STORE_KEPT_LOGS, &dropped), 0);
	assert_int_equal(kept(f, STORE_KEPT_LOGS).bytes, 0);
	assert_int_equal(store_kept_drop(f->store, STORE_KEPT_CRASHES, &dropped), 0);
	assert_int_equal(kept(f, STORE_KEPT_CRASHES).bytes, 0);
}

/* A database as it was when the schema had `version`, with a device. */
static void make_old(struct fixture *f, int version)
{
	char number[48];
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(unlink(f->path), 0);
	exec(f->path, store_schema);
	for (int i = 1; i < version; i++)
		exec(f->path, store_upgrades[i - 1]);
	snprintf(number, sizeof number, "PRAGMA user_version = %d", version);
	exec(f->path, number);
	exec(f->path, "INSERT INTO devices (id, board, added_at) VALUES ('one', 'b', 1)");
	exec(f->path, "INSERT INTO logs (device, time, text) VALUES ('one', 1, 'x'), ('one', 1, 'y')");
}

/* Of every version that was ever written. */
static void upgraded(void **state)
{
	struct fixture *f = *state;
	struct store_device device;
	int64_t sequence, count;
	for (int version = 1; version <= store_schema_version; version++) {
		make_old(f, version);
		reopen(f);
		begin(f);
		assert_int_equal(store_sequence_get(f->store, "one", "", &sequence), 0);
		commit(f);
		assert_int_equal(sequence, 1);
		assert_int_equal(store_device_get(f->store, "one", &device), 0);
		assert_int_equal(store_device_count(f->store, &count), 0);
		assert_int_equal(count, 1);
		assert_int_equal(kept(f, STORE_KEPT_LOGS).rows, 2);
		assert_true(crash_is_new(f, "one", "12345678"));
		reopen(f);
		assert_false(crash_is_new(f, "one", "12345678"));
	}
}

static void expect_refused(const char *path, const char *says)
{
	struct store *store;
	struct fleet_error error = {0};
	assert_int_equal(store_open(path, &store, &error), -1);
	if (!strstr(error.cause, says) || !strstr(error.cause, path) || !*error.remedy)
		fail_msg("'%s' / '%s' does not say '%s'", error.cause, error.remedy, says);
}

static void refused(void **state)
{
	struct fixture *f = *state;
	char path[120];
	store_close(f->store);
	f->store = NULL;
	exec(f->path, "PRAGMA user_version = 1000");
	expect_refused(f->path, "newer skerryd");
	exec(f->path, "PRAGMA user_version = 1; PRAGMA application_id = 7");
	expect_refused(f->path, "another program");
	snprintf(path, sizeof path, "%s/noise.db", f->dir);
	FILE *noise = fopen(path, "wb");
	for (int i = 0; i < 4096; i++)
		fputc(i * 7 + 1, noise);
	fclose(noise);
	expect_refused(path, "damaged");
	snprintf(path, sizeof path, "%s/absent/fleet.db", f->dir);
	expect_refused(path, "cannot use");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(groups, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_open_job, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silent_jobs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounded_logs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounded_events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(newest_events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(images, set_up, tear_down),
		cmocka_unit_test_setup_teardown(crashes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(kept_in_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(upgraded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("fleet/store", tests, NULL, NULL);
}
