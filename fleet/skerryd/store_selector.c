/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selectors as SQL. The index devices_facts holds every column that is named here, so a condition costs one pass over it at most. Comparisons are
 * written so that no other index looks usable: fetching most of the rows through one would take ten times as long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_priv.h"

#define GROUPS_DEPTH_MAX 1 /* a group's selector names no groups */

struct builder {
	struct store *store;
	const struct selector *selector;
	const char *tenant;
	struct fleet_error *error;
	FILE *sql;
	json_t *values;
	unsigned depth;
};

static int write_selector(struct builder *builder);

static void add_value(struct builder *builder, const char *value)
{
	json_array_append_new(builder->values, json_string(value));
}

/*
 * Attributes are one JSON text: a member is found as its bytes, `"name":"value"`. Within a value quotes are escaped, so that none can look like one, and
 * so are the separators below. value NULL: any.
 */
static int add_member(struct builder *builder, FILE *pattern, const char *name, const char *value)
{
	json_t *string = json_string(value ? value : "");
	char *json = string ? json_dumps(string, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	json_decref(string);
	if (!json)
		return fleet_fail(builder->error, NULL, "out of memory");
	fprintf(pattern, "\"%s\":%s", name, value ? json : "");
	free(json);
	return 0;
}

/* "(test OR test …)", each with one value. */
static void write_any(struct builder *builder, const struct selector_term *term, const char *test)
{
	fputc('(', builder->sql);
	for (size_t i = 0; i < term->count; i++)
		fprintf(builder->sql, "%s%s", i ? " OR " : "", test);
	fputc(')', builder->sql);
}

static bool is_denied(const struct selector_term *term)
{
	return term->test == SELECTOR_NOT_IN || term->test == SELECTOR_HAS_NOT;
}

/* One term of text_fits()'s pattern. */
static int add_attribute(struct builder *builder, FILE *pattern, const struct selector_term *term)
{
	const char *name = selector_name(builder->selector, term);
	fputc(is_denied(term) ? STORE_TEXT_WITHOUT : STORE_TEXT_WITH, pattern);
	if (term->count == 0)
		return add_member(builder, pattern, name, NULL);
	for (size_t i = 0; i < term->count; i++) {
		if (i > 0)
			fputc(STORE_TEXT_OR, pattern);
		if (add_member(builder, pattern, name, selector_value(builder->selector, term, i)) < 0)
			return -1;
	}
	return 0;
}

/* All terms about attributes as one condition: a call for each row costs more than the search does. */
static int write_attributes(struct builder *builder)
{
	const struct selector *selector = builder->selector;
	char *text = NULL;
	size_t len;
	int rc = 0;
	FILE *pattern = open_memstream(&text, &len);
	if (!pattern)
		return fleet_fail(builder->error, NULL, "out of memory");
	for (size_t i = 0; rc == 0 && i < selector->term_count; i++)
		if (selector->terms[i].field == SELECTOR_ATTRIBUTE)
			rc = add_attribute(builder, pattern, &selector->terms[i]);
	if (fclose(pattern) != 0)
		rc = fleet_fail(builder->error, NULL, "out of memory");
	if (rc == 0) {
		fputs(" AND text_fits(d.attributes, ?)", builder->sql);
		add_value(builder, text);
	}
	free(text);
	return rc;
}

static int write_texts(struct builder *builder, const struct selector_term *term, const char *has, const char *is)
{
	if (term->count)
		write_any(builder, term, is);
	else
		fputs(has, builder->sql);
	for (size_t i = 0; i < term->count; i++)
		add_value(builder, selector_value(builder->selector, term, i));
	return 0;
}

static int write_online(struct builder *builder, const struct selector_term *term)
{
	bool yes = term->count == 0, no = false;
	for (size_t i = 0; i < term->count; i++) {
		bool is_true = strcmp(selector_value(builder->selector, term, i), "true") == 0;
		yes |= is_true;
		no |= !is_true;
	}
	fputs(yes && no ? "1 = 1" : yes ? "d.online <> 0" : "d.online <> 1", builder->sql);
	return 0;
}

/* The devices of one tenant that match its group's selector. */
static int write_one_group(struct builder *builder, const json_t *row)
{
	struct selector selector;
	struct builder inner = *builder;
	if (builder->depth >= GROUPS_DEPTH_MAX)
		return fleet_fail(builder->error, "write its terms out", "the selector of a group names a group");
	if (selector_parse(json_string_value(json_object_get(row, "selector")), &selector, builder->error) < 0)
		return -1;
	fputs(" OR (d.tenant = ? AND (", builder->sql);
	add_value(builder, json_string_value(json_object_get(row, "tenant")));
	inner.selector = &selector;
	inner.depth++;
	int rc = write_selector(&inner);
	fputs("))", builder->sql);
	return rc;
}

static int write_named_group(struct builder *builder, const char *name)
{
	json_t *rows, *row;
	size_t index;
	int rc = store_select(builder->store, &rows,
		"SELECT tenant, selector FROM groups WHERE name = ? AND (? = '' OR tenant = ?)", "sss", name,
		builder->tenant, builder->tenant);
	if (rc < 0)
		return fleet_fail(builder->error, NULL, "the database failed: %s", store_error(builder->store));
	if (json_array_size(rows) == 0) {
		(void)!fleet_fail(builder->error, "see `skerry group list`", "there is no group '%s'", name);
		rc = STORE_NONE;
	}
	json_array_foreach(rows, index, row)
	{
		if (rc == 0)
			rc = write_one_group(builder, row);
	}
	json_decref(rows);
	return rc;
}

static int write_groups(struct builder *builder, const struct selector_term *term)
{
	int rc = 0;
	fputs("(0 = 1", builder->sql);
	for (size_t i = 0; rc == 0 && i < term->count; i++)
		rc = write_named_group(builder, selector_value(builder->selector, term, i));
	fputc(')', builder->sql);
	return rc;
}

#define OWN_CHANNEL                                                                                                    \
	"EXISTS (SELECT 1 FROM channels c WHERE c.tenant = d.tenant AND c.app = d.app AND c.board = d.board"           \
	" AND c.digest = d.digest"

/* The term without its "not". A column that is not known yet counts as "". */
static int write_positive(struct builder *builder, const struct selector_term *term)
{
#define COLUMN(name) write_texts(builder, term, "coalesce(" name ", '') <> ''", "coalesce(" name ", '') = ?")
	switch (term->field) {
	case SELECTOR_ATTRIBUTE:
		break; /* write_attributes() */
	case SELECTOR_ID:
		return write_texts(builder, term, "1 = 1", "d.id = ?");
	case SELECTOR_BOARD:
		return COLUMN("d.board");
	case SELECTOR_APP:
		return COLUMN("d.app");
	case SELECTOR_VERSION:
		return COLUMN("d.version");
	case SELECTOR_DIGEST:
		return write_texts(
			builder, term, "coalesce(d.digest, '') <> ''", "instr(coalesce(d.digest, ''), ?) = 1");
	case SELECTOR_ONLINE:
		return write_online(builder, term);
	case SELECTOR_STATE:
		return COLUMN("d.state");
	case SELECTOR_HEALTH:
		return COLUMN("d.health");
	case SELECTOR_MODE:
		return COLUMN("d.mode");
	case SELECTOR_TENANT:
		return COLUMN("d.tenant");
	case SELECTOR_GROUP:
		return write_groups(builder, term);
	case SELECTOR_CHANNEL:
		return write_texts(builder, term, OWN_CHANNEL ")", OWN_CHANNEL " AND c.name = ?)");
	case SELECTOR_SLOT:
		return COLUMN("d.slot");
	}
	return fleet_fail(builder->error, NULL, "the selector has an unknown term");
#undef COLUMN
}

static int write_selector(struct builder *builder)
{
	const struct selector *selector = builder->selector;
	int rc = 0;
	fputs("1 = 1", builder->sql);
	for (size_t i = 0; rc == 0 && i < selector->term_count; i++) {
		const struct selector_term *term = &selector->terms[i];
		if (term->field == SELECTOR_ATTRIBUTE)
			continue;
		fputs(is_denied(term) ? " AND NOT (" : " AND (", builder->sql);
		rc = write_positive(builder, term);
		fputc(')', builder->sql);
	}
	return rc == 0 && selector_uses(selector, SELECTOR_ATTRIBUTE) ? write_attributes(builder) : rc;
}

static int write_all(struct builder *builder)
{
	if (!selector_uses(builder->selector, SELECTOR_STATE))
		fputs("d.state <> 'retired' AND ", builder->sql);
	if (*builder->tenant) {
		fputs("coalesce(d.tenant, '') = ? AND ", builder->sql);
		add_value(builder, builder->tenant);
	}
	return write_selector(builder);
}

int store_where_make(struct store *store, const struct selector *selector, const char *tenant,
	struct store_where *where, struct fleet_error *error)
{
	size_t len;
	struct builder builder = {
		.store = store, .selector = selector, .tenant = tenant, .error = error, .values = json_array()};
	*where = (struct store_where){0};
	builder.sql = open_memstream(&where->sql, &len);
	if (!builder.sql || !builder.values) {
		if (builder.sql)
			fclose(builder.sql);
		json_decref(builder.values);
		store_where_free(where);
		return fleet_fail(error, NULL, "out of memory");
	}
	where->values = builder.values;
	int rc = write_all(&builder);
	if (fclose(builder.sql) != 0)
		rc = fleet_fail(error, NULL, "out of memory");
	if (rc)
		store_where_free(where);
	return rc;
}

void store_where_free(struct store_where *where)
{
	free(where->sql);
	json_decref(where->values);
	*where = (struct store_where){0};
}
