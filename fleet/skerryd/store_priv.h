/* SPDX-License-Identifier: Apache-2.0 */
/* What the files store*.c share: one statement, with its values, as one call. */
#ifndef SKERRYD_STORE_PRIV_H
#define SKERRYD_STORE_PRIV_H

#include <sqlite3.h>

#include "skerryd/store.h"

#define STORE_POOL 128 /* statements kept prepared, each about 5 KiB */

struct store {
	sqlite3 *db;
	sqlite3_stmt *pool[STORE_POOL];
	bool in_group;
	enum store_durability durability;
	int code; /* of the last failure */
	char error[256];
};

/*
 * `types` has a letter for each value that follows: 's' text or NULL, 'i' int64_t, 'b' bytes and size_t (NULL: no value), 'w' the values of a
 * struct store_where, whose text stands in the SQL at that place.
 * They are borrowed until store_done().
 */

/* Remember the database's last error; -1. */
int store_failed(struct store *store) STORE_CHECK;
/* A statement without rows. */
int store_run(struct store *store, const char *sql, const char *types, ...) STORE_CHECK;
/* At most one row. 0: *stmt stands on it, store_done() ends it; STORE_NONE; -1. */
int store_find(struct store *store, sqlite3_stmt **stmt, const char *sql, const char *types, ...) STORE_CHECK;
/* Done with a statement: it is kept prepared for the next time. NULL is fine. */
void store_done(struct store *store, sqlite3_stmt *stmt);
/* Before the database is closed. */
void store_pool_clear(struct store *store);
/* All rows as an array of objects, at most STORE_ROWS_MAX if the SQL says so. Columns are named as the API's members;
 * the ending _json says that the text is JSON, _bool that the number is a Boolean; NULL: no member. */
int store_select(struct store *store, json_t **rows, const char *sql, const char *types, ...) STORE_CHECK;
/* The one row, as such an object; STORE_NONE. */
int store_select_one(struct store *store, json_t **row, const char *sql, const char *types, ...) STORE_CHECK;
/* Rows were changed by the last store_run(). */
bool store_has_changed(const struct store *store);

/* In the pattern of text_fits(); no text that is looked into has them. */
#define STORE_TEXT_WITH    '\x1d'
#define STORE_TEXT_WITHOUT '\x1e'
#define STORE_TEXT_OR      '\x1f'
/* SQL's text_fits(text, pattern); text_finds(part, text …), without regard to the case of ASCII, `part` has no capitals;
 * lowest(text, n), an aggregate: the n lowest texts, in order, as a JSON array. For store_open(). */
int store_text_functions(struct store *store) STORE_CHECK;

/* A text column into out[size], "" for NULL. */
void store_copy_text(sqlite3_stmt *stmt, int column, char *out, size_t size);

#endif
