/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions for one pass over all devices. Two look into texts: what is looked for is made ready once for a statement, not once for each row, and
 * the search skips most bytes (Horspool, "Practical fast searching in strings", 1980). With instr() and LIKE a query over 100,000 devices takes twice
 * the time.
 */
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_priv.h"

/* One text that is looked for. */
struct needle {
	const uint8_t *bytes; /* within the pattern; without capitals if `any_case` */
	size_t len;
	bool any_case;
	char mark;         /* what stood before it: STORE_TEXT_… */
	uint8_t skip[256]; /* how far to go on when the text has this byte where the needle ends */
};

static uint8_t small(uint8_t c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* How far at each byte, for bytes, len and any_case. */
static void needle_prepare(struct needle *needle)
{
	size_t len = needle->len;
	memset(needle->skip, len < 255 ? (int)len : 255, sizeof needle->skip);
	for (size_t i = 0; i + 1 < len; i++) {
		size_t far = len - 1 - i;
		uint8_t c = needle->bytes[i], skip = (uint8_t)(far < 255 ? far : 255);
		needle->skip[c] = skip;
		if (needle->any_case && c >= 'a' && c <= 'z')
			needle->skip[c - ('a' - 'A')] = skip;
	}
}

static bool is_here(const struct needle *needle, const uint8_t *at)
{
	if (!needle->any_case)
		return memcmp(at, needle->bytes, needle->len) == 0;
	for (size_t i = 0; i < needle->len; i++)
		if (small(at[i]) != needle->bytes[i])
			return false;
	return true;
}

static bool needle_find(const struct needle *needle, const uint8_t *text, size_t len)
{
	if (needle->len == 0)
		return true;
	uint8_t last = needle->bytes[needle->len - 1];
	for (size_t at = needle->len - 1; at < len; at += needle->skip[text[at]]) {
		uint8_t c = needle->any_case ? small(text[at]) : text[at];
		if (c == last && is_here(needle, text + at - (needle->len - 1)))
			return true;
	}
	return false;
}

struct pattern {
	size_t count;
	struct needle needles[]; /* and their text */
};

/* Terms that must all hold: each STORE_TEXT_WITH or _WITHOUT and needles with STORE_TEXT_OR between them, one of which is there, or none. */
static bool fits(const struct pattern *pattern, const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < pattern->count;) {
		bool with = pattern->needles[i].mark == STORE_TEXT_WITH, any = false;
		do
			any = any || needle_find(&pattern->needles[i], text, len);
		while (++i < pattern->count && pattern->needles[i].mark == STORE_TEXT_OR);
		if (any != with)
			return false;
	}
	return true;
}

/* NULL: out of memory. `any_case`: the text is one needle, without marks. */
static struct pattern *pattern_make(const char *text, bool any_case)
{
	static const char marks[] = {STORE_TEXT_WITH, STORE_TEXT_WITHOUT, STORE_TEXT_OR, 0};
	size_t count = any_case ? 1 : 0, size = strlen(text) + 1;
	for (const char *at = text; !any_case && (at = strpbrk(at, marks)); at++)
		count++;
	struct pattern *pattern = calloc(1, sizeof *pattern + count * sizeof *pattern->needles + size);
	if (!pattern)
		return NULL;
	char *at = memcpy(&pattern->needles[count], text, size);
	for (; pattern->count < count; pattern->count++) {
		struct needle *needle = &pattern->needles[pattern->count];
		needle->any_case = any_case;
		needle->mark = any_case ? STORE_TEXT_WITH : *at++;
		needle->bytes = (const uint8_t *)at;
		needle->len = any_case ? size - 1 : strcspn(at, marks);
		needle_prepare(needle);
		at += needle->len;
	}
	return pattern;
}

/* The pattern in values[argument], made once for each run of a statement. NULL: the result is set. */
static const struct pattern *pattern_get(sqlite3_context *context, sqlite3_value **values, int argument, bool any_case)
{
	const struct pattern *pattern = sqlite3_get_auxdata(context, argument);
	const char *text = pattern ? NULL : (const char *)sqlite3_value_text(values[argument]);
	if (pattern || !text)
		return pattern;
	sqlite3_set_auxdata(context, argument, pattern_make(text, any_case), free);
	pattern = sqlite3_get_auxdata(context, argument);
	if (!pattern)
		sqlite3_result_error_nomem(context);
	return pattern;
}

static bool value_fits(const struct pattern *pattern, sqlite3_value *value)
{
	const uint8_t *text = sqlite3_value_text(value);
	return text && fits(pattern, text, (size_t)sqlite3_value_bytes(value));
}

/* text_fits(text, pattern) */
static void text_fits(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct pattern *pattern = pattern_get(context, values, 1, false);
	(void)count;
	if (pattern)
		sqlite3_result_int(context, value_fits(pattern, values[0]));
}

/* text_finds(part, text, text …): in any of them. */
static void text_finds(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct pattern *pattern = pattern_get(context, values, 0, true);
	bool found = false;
	for (int i = 1; pattern && !found && i < count; i++)
		found = value_fits(pattern, values[i]);
	if (pattern)
		sqlite3_result_int(context, found);
}

/* lowest(text, n): the n lowest texts of the group, in order, as a JSON array. What comes in order costs a comparison. */
static void lowest_step(sqlite3_context *context, int count, sqlite3_value **values)
{
	json_t **texts = sqlite3_aggregate_context(context, sizeof *texts);
	const char *text = (const char *)sqlite3_value_text(values[0]);
	size_t limit = (size_t)sqlite3_value_int64(values[1]);
	(void)count;
	if (texts && !*texts)
		*texts = json_array();
	if (!texts || !*texts)
		return sqlite3_result_error_nomem(context);
	size_t at = json_array_size(*texts);
	bool is_full = at >= limit;
	while (text && at > 0 && strcmp(text, json_string_value(json_array_get(*texts, at - 1))) < 0)
		at--;
	if (!text || at >= limit)
		return;
	if (is_full)
		json_array_remove(*texts, limit - 1);
	json_array_insert_new(*texts, at, json_string(text));
}

static void lowest_end(sqlite3_context *context)
{
	json_t **texts = sqlite3_aggregate_context(context, 0);
	char *json = texts ? json_dumps(*texts, JSON_COMPACT) : NULL;
	sqlite3_result_text(context, json ? json : "[]", -1, SQLITE_TRANSIENT);
	free(json);
	if (texts)
		json_decref(*texts);
}

int store_text_functions(struct store *store)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	if (sqlite3_create_function(store->db, "text_fits", 2, flags, NULL, text_fits, NULL, NULL) == SQLITE_OK &&
		sqlite3_create_function(store->db, "text_finds", -1, flags, NULL, text_finds, NULL, NULL) ==
			SQLITE_OK &&
		sqlite3_create_function(store->db, "lowest", 2, flags, NULL, NULL, lowest_step, lowest_end) ==
			SQLITE_OK)
		return 0;
	return store_failed(store);
}
