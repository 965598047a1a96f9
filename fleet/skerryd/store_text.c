/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two functions for conditions that look into texts. SQLite's instr() compares at each byte in turn, LIKE decodes each character, and each is called
 * once for each term and row: over 100,000 devices that took most of a query's time.
 */
#include <string.h>

#include "skerryd/store_priv.h"

/* One term: any of its parts, up to `end`, is in text[len]. */
static bool has_any(const char *text, size_t len, const char *part, const char *end)
{
	for (;;) {
		const char *stop = memchr(part, STORE_TEXT_OR, (size_t)(end - part));
		size_t size = (size_t)((stop ? stop : end) - part);
		if (memmem(text, len, part, size))
			return true;
		if (!stop)
			return false;
		part = stop + 1;
	}
}

/* text_fits(text, pattern): a pattern is terms, each STORE_TEXT_WITH or _WITHOUT and parts with STORE_TEXT_OR between them; all terms hold. */
static bool fits(const char *text, size_t len, const char *pattern)
{
	static const char marks[] = {STORE_TEXT_WITH, STORE_TEXT_WITHOUT, 0};
	while (*pattern) {
		const char *part = pattern + 1, *end = part + strcspn(part, marks);
		if (has_any(text, len, part, end) != (*pattern == STORE_TEXT_WITH))
			return false;
		pattern = end;
	}
	return true;
}

static void text_fits(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *text = (const char *)sqlite3_value_text(values[0]),
		   *pattern = (const char *)sqlite3_value_text(values[1]);
	(void)count;
	sqlite3_result_int(context, text && pattern && fits(text, (size_t)sqlite3_value_bytes(values[0]), pattern));
}

static unsigned char small(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* `part` without capitals is in the text, in whatever case. */
static bool finds(const char *text, const char *part)
{
	for (; *text; text++) {
		size_t i = 0;
		while (part[i] && small(text[i]) == (unsigned char)part[i])
			i++;
		if (!part[i])
			return true;
	}
	return !*part;
}

/* text_finds(part, text, text …): in any of them. */
static void text_finds(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *part = (const char *)sqlite3_value_text(values[0]);
	bool found = false;
	for (int i = 1; part && !found && i < count; i++) {
		const char *text = (const char *)sqlite3_value_text(values[i]);
		found = text && finds(text, part);
	}
	sqlite3_result_int(context, found);
}

int store_text_functions(struct store *store)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	if (sqlite3_create_function(store->db, "text_fits", 2, flags, NULL, text_fits, NULL, NULL) == SQLITE_OK &&
		sqlite3_create_function(store->db, "text_finds", -1, flags, NULL, text_finds, NULL, NULL) == SQLITE_OK)
		return 0;
	return store_failed(store);
}
