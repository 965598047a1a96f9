/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_priv.h"
#include "skerryd/store_schema.h"

#define COPY_STEPS     1000       /* of SQLite's machine between looks whether to stop */
#define APPLICATION_ID 0x534b5259 /* "SKRY": tells our files from others */

const char *store_error(const struct store *store)
{
	return store->error;
}

bool store_is_full(const struct store *store)
{
	return store->code == SQLITE_FULL;
}

static int exec(struct store *store, const char *sql)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_failed(store);
}

int store_begin(struct store *store, enum store_durability durability)
{
	assert(!store->in_group);
	/* In WAL mode NORMAL syncs at checkpoints only, FULL at each commit; it cannot be changed inside a transaction. */
	if (durability != store->durability) {
		bool full = durability == STORE_KEPT_ON_POWER_CUT;
		if (exec(store, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL") < 0)
			return -1;
		store->durability = durability;
	}
	if (store_run(store, "BEGIN IMMEDIATE", "") < 0)
		return -1;
	store->in_group = true;
	return 0;
}

int store_commit(struct store *store)
{
	assert(store->in_group);
	if (store_run(store, "COMMIT", "") < 0) {
		store_rollback(store);
		return -1;
	}
	store->in_group = false;
	return 0;
}

void store_rollback(struct store *store)
{
	/* A full disk may have undone the transaction already; the error that counts is the one remembered. */
	if (store->in_group && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->in_group = false;
}

static int pragma(struct store *store, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt;
	if (store_find(store, &stmt, sql, "") != 0)
		return -1;
	*value = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}

static int is_to_stop(void *stop)
{
	return atomic_load((const atomic_bool *)stop);
}

int store_copy(struct store *store, const char *path, const atomic_bool *stop)
{
	/* Asked now and then rather than told by sqlite3_interrupt(), which is lost when it comes before the statement. */
	sqlite3_progress_handler(store->db, COPY_STEPS, is_to_stop, (void *)(uintptr_t)stop);
	int rc = exec(store, "PRAGMA synchronous = OFF");
	if (rc == 0)
		rc = store_run(store, "VACUUM INTO ?", "s", path);
	sqlite3_progress_handler(store->db, 0, NULL, NULL);
	return rc;
}

int store_is_sound(struct store *store)
{
	sqlite3_stmt *stmt;
	char text[16];
	if (store_find(store, &stmt, "PRAGMA integrity_check(1)", "") != 0)
		return -1;
	store_copy_text(stmt, 0, text, sizeof text);
	store_done(store, stmt);
	return strcmp(text, "ok") == 0 ? 0 : STORE_NONE;
}

static int make_schema(struct store *store)
{
	if (store_begin(store, STORE_KEPT_ON_POWER_CUT) < 0)
		return -1;
	if (exec(store, store_schema) < 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store);
}

/* From `version` to ours, all steps or none. */
static int upgrade(struct store *store, int64_t version)
{
	char number[48];
	if (version >= store_schema_version)
		return 0;
	if (store_begin(store, STORE_KEPT_ON_POWER_CUT) < 0)
		return -1;
	snprintf(number, sizeof number, "PRAGMA user_version = %d", store_schema_version);
	for (; version < store_schema_version; version++) {
		if (exec(store, store_upgrades[version - 1]) < 0) {
			store_rollback(store);
			return -1;
		}
	}
	if (exec(store, number) < 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store);
}

static int open_failed(const struct store *store, const char *path, struct fleet_error *error)
{
	if (store->code == SQLITE_NOTADB || store->code == SQLITE_CORRUPT)
		return fleet_fail(error, "restore it from a backup; or move it away: then jobs and history begin anew",
			"the database '%s' is damaged: %s", path, store->error);
	if (store->code == SQLITE_FULL)
		return fleet_fail(error, "free some space on its file system, then start skerryd again",
			"no space for the database '%s'", path);
	if (store->code == SQLITE_BUSY)
		return fleet_fail(error, "end the other program", "the database '%s' is used by another program", path);
	return fleet_fail(error, "check owner and mode of the file and its folder", "cannot use the database '%s': %s",
		path, store->error);
}

static int check_version(struct store *store, const char *path, bool may_make, struct fleet_error *error)
{
	int64_t application, version, tables;
	if (pragma(store, "PRAGMA application_id", &application) < 0 ||
		pragma(store, "PRAGMA user_version", &version) < 0 ||
		pragma(store, "SELECT count(*) FROM sqlite_schema", &tables) < 0)
		return open_failed(store, path, error);
	if (tables == 0 && !may_make)
		return fleet_fail(error, "take one that skerryd wrote", "the database '%s' is empty", path);
	if (tables == 0)
		return make_schema(store) < 0 || upgrade(store, 1) < 0 ? open_failed(store, path, error) : 0;
	if (application != APPLICATION_ID)
		return fleet_fail(error, "move it away", "'%s' is a database of another program", path);
	if (version > store_schema_version)
		return fleet_fail(error, "start the newer skerryd, or restore the backup made before it ran",
			"the database '%s' was written by a newer skerryd (schema %lld; this one knows %d)", path,
			(long long)version, store_schema_version);
	return upgrade(store, version) < 0 ? open_failed(store, path, error) : 0;
}

static int open_connection(struct store *store, const char *path, int flags, struct fleet_error *error)
{
	if (sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		if (!store->db)
			return fleet_fail(error, NULL, "out of memory");
		(void)!store_failed(store);
		return open_failed(store, path, error);
	}
	sqlite3_busy_timeout(store->db, 5000); /* somebody may look with the sqlite3 tool */
	return 0;
}

static int open_file(struct store *store, const char *path, bool may_make, struct fleet_error *error)
{
	if (open_connection(store, path, SQLITE_OPEN_READWRITE | (may_make ? SQLITE_OPEN_CREATE : 0), error) < 0)
		return -1;
	/*
	 * Up to 16 MB of log: a page that is written again and again (counts, indices) goes to the database once for many times. It grows beyond
	 * while a backup is copied, and gives that space back afterwards.
	 */
	if (exec(store, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000;"
			" PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = ON") < 0 ||
		store_text_functions(store) < 0)
		return open_failed(store, path, error);
	return check_version(store, path, may_make, error);
}

static int open_store(const char *path, bool may_make, struct store **out, struct fleet_error *error)
{
	struct store *store = calloc(1, sizeof *store);
	if (!store)
		return fleet_fail(error, NULL, "out of memory");
	if (open_file(store, path, may_make, error) < 0) {
		store_close(store);
		return -1;
	}
	*out = store;
	return 0;
}

int store_open(const char *path, struct store **out, struct fleet_error *error)
{
	return open_store(path, true, out, error);
}

int store_open_made(const char *path, struct store **out, struct fleet_error *error)
{
	return open_store(path, false, out, error);
}

int store_open_reader(const char *path, struct store **out, struct fleet_error *error)
{
	struct store *store = calloc(1, sizeof *store);
	int rc = store ? open_connection(store, path, SQLITE_OPEN_READONLY, error)
		       : fleet_fail(error, NULL, "out of memory");
	if (rc < 0) {
		store_close(store);
		return -1;
	}
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_rollback(store);
	store_pool_clear(store);
	sqlite3_close(store->db);
	free(store);
}
