/* SPDX-License-Identifier: Apache-2.0 */
/* The list of devices: which match comes from the index devices_facts alone; then the rows of one page are read. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_device.h"
#include "skerryd/store_priv.h"

#define TEXT_MAX 256

struct page {
	json_t *ids;
	int64_t limit, matched;
};

/* Without a mark to go on from, all that match are stepped through: that counts them in the same pass. */
static int step_all(struct store *store, sqlite3_stmt *stmt, struct page *page)
{
	int step = SQLITE_ROW;
	for (; step == SQLITE_ROW; step = sqlite3_step(stmt)) {
		if (page->matched++ < page->limit)
			json_array_append_new(page->ids, json_string((const char *)sqlite3_column_text(stmt, 0)));
	}
	int rc = step == SQLITE_DONE ? 0 : store_failed(store);
	store_done(store, stmt);
	return rc;
}

static int find_page(struct store *store, const struct store_devices_query *query, struct page *page)
{
	char part[TEXT_MAX] = "", *sql = NULL;
	sqlite3_stmt *stmt;
	bool is_first = !*query->after;
	for (size_t i = 0; query->text && query->text[i] && i < sizeof part - 1; i++)
		part[i] = (char)tolower((unsigned char)query->text[i]);
	int len = asprintf(&sql, "SELECT d.id FROM devices d WHERE %s AND d.id > ? AND %s ORDER BY d.id LIMIT ?",
		query->where->sql, *part ? "text_finds(?, d.id, d.attributes, d.version)" : "? = ''");
	if (len < 0)
		return -1;
	int rc = store_find(
		store, &stmt, sql, "wssi", query->where, query->after, part, is_first ? INT64_MAX : query->limit + 1);
	free(sql);
	if (rc == 0)
		return step_all(store, stmt, page);
	return rc == STORE_NONE ? 0 : -1;
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

int store_devices_json(
	struct store *store, const struct store_devices_query *query, json_t **devices, bool *more, int64_t *total)
{
	struct page page = {.ids = json_array(), .limit = query->limit};
	*devices = NULL;
	int rc = page.ids ? find_page(store, query, &page) : -1;
	if (rc == 0) {
		*devices = json_array();
		rc = read_rows(store, page.ids, *devices);
	}
	json_decref(page.ids);
	*more = page.matched > page.limit;
	if (!*query->after)
		*total = page.matched;
	if (rc < 0) {
		json_decref(*devices);
		*devices = NULL;
	}
	return rc;
}
