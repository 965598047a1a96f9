/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "skerryd/store_priv.h"

int store_failed(struct store *store)
{
	store->code = sqlite3_errcode(store->db);
	snprintf(store->error, sizeof store->error, "%s", sqlite3_errmsg(store->db));
	return -1;
}

/* The values of a selector at *column and the following ones. */
static int bind_where(sqlite3_stmt *stmt, int *column, const struct store_where *where)
{
	int rc = SQLITE_OK;
	size_t index;
	const json_t *value;
	json_array_foreach(where->values, index, value)
	{
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_text(stmt, (*column)++, json_string_value(value), -1, SQLITE_STATIC);
	}
	return rc;
}

static int bind_all(sqlite3_stmt *stmt, const char *types, va_list args)
{
	int rc = SQLITE_OK, column = 1;
	for (; *types && rc == SQLITE_OK; types++) {
		if (*types == 's') {
			rc = sqlite3_bind_text(stmt, column++, va_arg(args, const char *), -1, SQLITE_STATIC);
		} else if (*types == 'i') {
			rc = sqlite3_bind_int64(stmt, column++, va_arg(args, int64_t));
		} else if (*types == 'w') {
			rc = bind_where(stmt, &column, va_arg(args, const struct store_where *));
		} else {
			const void *data = va_arg(args, const void *);
			rc = sqlite3_bind_blob64(stmt, column++, data, va_arg(args, size_t), SQLITE_STATIC);
		}
	}
	return rc;
}

/* ---- the pool: statements that were prepared and are not in use. One in use is in no pool, so the same SQL may run within itself. ---- */

static sqlite3_stmt **pool_slot(struct store *store, const char *sql)
{
	uint32_t hash = 2166136261u;
	for (const char *c = sql; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	return &store->pool[hash % STORE_POOL];
}

static sqlite3_stmt *pool_take(struct store *store, const char *sql)
{
	sqlite3_stmt **slot = pool_slot(store, sql), *stmt = *slot;
	if (!stmt || strcmp(sqlite3_sql(stmt), sql) != 0)
		return NULL;
	*slot = NULL;
	return stmt;
}

void store_done(struct store *store, sqlite3_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_stmt **slot = pool_slot(store, sqlite3_sql(stmt));
	sqlite3_reset(stmt); /* its failure was told by the step */
	sqlite3_clear_bindings(stmt);
	sqlite3_finalize(*slot);
	*slot = stmt;
}

void store_pool_clear(struct store *store)
{
	for (size_t i = 0; i < STORE_POOL; i++) {
		sqlite3_finalize(store->pool[i]);
		store->pool[i] = NULL;
	}
}

static sqlite3_stmt *prepare(struct store *store, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *stmt = pool_take(store, sql);
	if (stmt || sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) == SQLITE_OK) {
		if (bind_all(stmt, types, args) == SQLITE_OK)
			return stmt;
	}
	(void)!store_failed(store);
	sqlite3_finalize(stmt);
	return NULL;
}

int store_run(struct store *store, const char *sql, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *stmt = prepare(store, sql, types, args);
	va_end(args);
	if (!stmt)
		return -1;
	int rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : store_failed(store);
	store_done(store, stmt);
	return rc;
}

bool store_has_changed(const struct store *store)
{
	return sqlite3_changes(store->db) > 0;
}

/* To the first row; done with unless there is one. */
static int first_row(struct store *store, sqlite3_stmt **stmt)
{
	if (!*stmt)
		return -1;
	int step = sqlite3_step(*stmt);
	if (step == SQLITE_ROW)
		return 0;
	int rc = step == SQLITE_DONE ? STORE_NONE : store_failed(store);
	store_done(store, *stmt);
	*stmt = NULL;
	return rc;
}

int store_find(struct store *store, sqlite3_stmt **stmt, const char *sql, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	*stmt = prepare(store, sql, types, args);
	va_end(args);
	return first_row(store, stmt);
}

static json_t *column_json(sqlite3_stmt *stmt, int column, const char *suffix)
{
	int type = sqlite3_column_type(stmt, column);
	if (type == SQLITE_NULL)
		return NULL;
	if (suffix && strcmp(suffix, "_bool") == 0)
		return json_boolean(sqlite3_column_int(stmt, column));
	if (type == SQLITE_INTEGER)
		return json_integer(sqlite3_column_int64(stmt, column));
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	if (!text)
		return NULL;
	return suffix && strcmp(suffix, "_json") == 0 ? json_loads(text, JSON_DECODE_ANY, NULL) : json_string(text);
}

static json_t *row_json(sqlite3_stmt *stmt)
{
	json_t *row = json_object();
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		char name[64];
		const char *column = sqlite3_column_name(stmt, i), *suffix = strchr(column, '_');
		snprintf(name, sizeof name, "%.*s", suffix ? (int)(suffix - column) : (int)strlen(column), column);
		json_t *value = column_json(stmt, i, suffix);
		if (value)
			json_object_set_new(row, name, value);
	}
	return row;
}

int store_select(struct store *store, json_t **rows, const char *sql, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *stmt = prepare(store, sql, types, args);
	va_end(args);
	*rows = NULL;
	if (!stmt)
		return -1;
	json_t *all = json_array();
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW)
		json_array_append_new(all, row_json(stmt));
	int rc = step == SQLITE_DONE ? 0 : store_failed(store);
	store_done(store, stmt);
	if (rc == 0)
		*rows = all;
	else
		json_decref(all);
	return rc;
}

int store_select_one(struct store *store, json_t **row, const char *sql, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *stmt = prepare(store, sql, types, args);
	va_end(args);
	*row = NULL;
	int rc = first_row(store, &stmt);
	if (rc == 0) {
		*row = row_json(stmt);
		store_done(store, stmt);
	}
	return rc;
}

void store_copy_text(sqlite3_stmt *stmt, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	snprintf(out, size, "%s", text ? text : "");
}
