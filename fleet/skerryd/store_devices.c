/* SPDX-License-Identifier: Apache-2.0 */
/* The list of devices: which match comes from `facts` and the index devices_facts alone; then the rows of one page are read. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_device.h"
#include "skerryd/store_priv.h"

#define TEXT_MAX 256

struct search {
	const struct store_where *where;
	char text[TEXT_MAX]; /* without capitals; "": any */
	bool in_versions;    /* the text is in one of them */
};

/* The condition about the text, of two values, each the text. */
static const char *condition(const struct search *search)
{
	if (!*search->text)
		return "? = ?";
	if (!search->in_versions)
		return "text_finds(?, d.id, d.attributes) AND ? <> ''";
	return "(text_finds(?, d.id, d.attributes) OR d.facts IN (SELECT f.n FROM facts f WHERE text_finds(?, "
	       "f.version)))";
}

/* What is asked for. Versions are looked through once, not with each device. */
static int search_make(struct store *store, const struct store_devices_query *query, struct search *search)
{
	sqlite3_stmt *stmt;
	*search = (struct search){.where = query->where};
	for (size_t i = 0; query->text && query->text[i] && i < sizeof search->text - 1; i++)
		search->text[i] = (char)tolower((unsigned char)query->text[i]);
	if (!*search->text)
		return 0;
	int rc =
		store_find(store, &stmt, "SELECT 1 FROM facts WHERE text_finds(?, version) LIMIT 1", "s", search->text);
	search->in_versions = rc == 0;
	if (rc == 0)
		store_done(store, stmt);
	return rc < 0 ? -1 : 0;
}

static int step_ids(struct store *store, sqlite3_stmt *stmt, json_t *ids)
{
	int step = SQLITE_ROW;
	for (; step == SQLITE_ROW; step = sqlite3_step(stmt))
		json_array_append_new(ids, json_string((const char *)sqlite3_column_text(stmt, 0)));
	int rc = step == SQLITE_DONE ? 0 : store_failed(store);
	store_done(store, stmt);
	return rc;
}

/* The first `limit` ids behind `after`, appended to `ids`. */
static int find_ids(struct store *store, const struct search *search, const char *after, int64_t limit, json_t *ids)
{
	char *sql = NULL;
	sqlite3_stmt *stmt;
	if (asprintf(&sql, "SELECT d.id FROM devices d WHERE %s AND %s AND d.id > ? ORDER BY d.id LIMIT ?",
		    search->where->sql, condition(search)) < 0)
		return -1;
	int rc = store_find(store, &stmt, sql, "wsssi", search->where, search->text, search->text, after, limit);
	free(sql);
	if (rc == 0)
		return step_ids(store, stmt, ids);
	return rc == STORE_NONE ? 0 : -1;
}

/* How many match, as facts alone say it. */
static int count_facts(struct store *store, const struct store_where *where, int64_t *total)
{
	char *sql = NULL;
	sqlite3_stmt *stmt;
	if (asprintf(&sql, "SELECT coalesce(sum(f.count), 0) FROM facts f WHERE %s", where->facts) < 0)
		return -1;
	int rc = store_find(store, &stmt, sql, "w", where);
	free(sql);
	if (rc)
		return -1;
	*total = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}

/* The first `limit` ids and how many there are, in one pass. */
static int find_and_count(struct store *store, const struct search *search, int64_t limit, json_t *ids, int64_t *total)
{
	char *sql = NULL;
	sqlite3_stmt *stmt;
	if (asprintf(&sql, "SELECT count(*), lowest(d.id, ?) FROM devices d WHERE %s AND %s", search->where->sql,
		    condition(search)) < 0)
		return -1;
	int rc = store_find(store, &stmt, sql, "iwss", limit, search->where, search->text, search->text);
	free(sql);
	if (rc)
		return -1;
	*total = sqlite3_column_int64(stmt, 0);
	json_t *lowest = json_loads((const char *)sqlite3_column_text(stmt, 1), 0, NULL);
	rc = lowest ? json_array_extend(ids, lowest) : store_failed(store);
	json_decref(lowest);
	store_done(store, stmt);
	return rc;
}

static int read_rows(struct store *store, const json_t *ids, json_t *rows)
{
	size_t index;
	const json_t *id;
	json_t *row;
	int rc = 0;
	json_array_foreach(ids, index, id)
	{
		if (rc == 0)
			rc = store_select_one(
				store, &row, DEVICE_SUMMARY " FROM devices WHERE id = ?", "s", json_string_value(id));
		if (rc == 0)
			json_array_append_new(rows, row);
	}
	return rc < 0 ? -1 : 0;
}

/* The ids of a page and one more, if there are more; *total of the first page. */
static int find_page(struct store *store, const struct store_devices_query *query, json_t *ids, int64_t *total)
{
	struct search search;
	if (search_make(store, query, &search) < 0)
		return -1;
	if (*query->after)
		return find_ids(store, &search, query->after, query->limit + 1, ids);
	if (!search.where->facts || *search.text)
		return find_and_count(store, &search, query->limit + 1, ids, total);
	int rc = count_facts(store, search.where, total);
	return rc == 0 ? find_ids(store, &search, "", query->limit + 1, ids) : rc;
}

int store_devices_json(
	struct store *store, const struct store_devices_query *query, json_t **devices, bool *more, int64_t *total)
{
	json_t *ids = json_array();
	*devices = NULL;
	int rc = ids ? find_page(store, query, ids, total) : -1;
	*more = json_array_size(ids) > (size_t)query->limit;
	if (*more)
		json_array_remove(ids, (size_t)query->limit);
	if (rc == 0) {
		*devices = json_array();
		rc = read_rows(store, ids, *devices);
	}
	json_decref(ids);
	if (rc < 0) {
		json_decref(*devices);
		*devices = NULL;
	}
	return rc;
}
