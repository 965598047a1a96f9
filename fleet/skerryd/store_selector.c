/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selectors as SQL, in two parts: what the table `facts` (f) decides, which has each combination of state, version and the like once, and what only a
 * device's own row (d) does: its id and its attributes, both in the index devices_facts behind the number of its facts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_priv.h"

#define GROUPS_DEPTH_MAX 1 /* a group's selector names no groups */

/* A condition and the values of its '?'. */
struct part {
	FILE *sql;
	json_t *values;
	char *text; /* of sql, when it is closed */
	size_t len;
};

struct builder {
	struct store *store;
	const struct selector *selector;
	const char *tenant;
	struct fleet_error *error;
	struct part facts, rows; /* begin with "1 = 1", go on with " AND …" */
	unsigned depth;
};

static int write_selector(struct builder *builder);

static void add_value(struct part *part, const char *value)
{
	json_array_append_new(part->values, json_string(value));
}

static int part_open(struct part *part)
{
	*part = (struct part){.values = json_array()};
	part->sql = open_memstream(&part->text, &part->len);
	if (!part->sql || !part->values)
		return -1;
	fputs("1 = 1", part->sql);
	return 0;
}

/* Its text can be read. */
static int part_close(struct part *part)
{
	int rc = part->sql ? fclose(part->sql) : -1;
	part->sql = NULL;
	return rc == 0 ? 0 : -1;
}

static void part_free(struct part *part)
{
	(void)part_close(part);
	free(part->text);
	json_decref(part->values);
}

/* A term, groups aside, is about a device's row. */
static bool needs_rows(const struct selector *selector)
{
	return selector_uses(selector, SELECTOR_ATTRIBUTE) || selector_uses(selector, SELECTOR_ID) ||
	       selector_uses(selector, SELECTOR_SERIAL) || selector_uses(selector, SELECTOR_MAC);
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
static void write_any(struct part *part, const struct selector_term *term, const char *test)
{
	fputc('(', part->sql);
	for (size_t i = 0; i < term->count; i++)
		fprintf(part->sql, "%s%s", i ? " OR " : "", test);
	fputc(')', part->sql);
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
		fputs(" AND text_fits(d.attributes, ?)", builder->rows.sql);
		add_value(&builder->rows, text);
	}
	free(text);
	return rc;
}

/* What hardly two devices share is a column of its row. */
static struct part *part_of(struct builder *builder, enum selector_field field)
{
	bool is_own = field == SELECTOR_ID || field == SELECTOR_SERIAL || field == SELECTOR_MAC;
	return is_own ? &builder->rows : &builder->facts;
}

static int write_texts(struct builder *builder, const struct selector_term *term, const char *has, const char *is)
{
	struct part *part = part_of(builder, term->field);
	if (term->count)
		write_any(part, term, is);
	else
		fputs(has, part->sql);
	for (size_t i = 0; i < term->count; i++)
		add_value(part, selector_value(builder->selector, term, i));
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
	fputs(yes && no ? "1 = 1" : yes ? "f.online = 1" : "f.online = 0", builder->facts.sql);
	return 0;
}

/* " OR (the tenant's devices that match)" to `part`; `rows`: it is a condition about rows. */
static int add_group(struct part *part, struct builder *inner, const char *tenant, bool rows)
{
	if (part_close(&inner->facts) < 0 || part_close(&inner->rows) < 0)
		return fleet_fail(inner->error, NULL, "out of memory");
	fprintf(part->sql,
		rows ? " OR (d.facts IN (SELECT f.n FROM facts f WHERE f.tenant = ? AND %s) AND %s)"
		     : " OR (f.tenant = ? AND %s)",
		inner->facts.text, inner->rows.text);
	add_value(part, tenant);
	json_array_extend(part->values, inner->facts.values);
	json_array_extend(part->values, inner->rows.values);
	return 0;
}

/* The devices of one tenant that match its group's selector. */
static int write_one_group(struct builder *builder, struct part *part, const json_t *row)
{
	struct selector selector;
	struct builder inner = *builder;
	if (builder->depth >= GROUPS_DEPTH_MAX)
		return fleet_fail(builder->error, "write its terms out", "the selector of a group names a group");
	if (selector_parse(json_string_value(json_object_get(row, "selector")), &selector, builder->error) < 0)
		return -1;
	inner.selector = &selector;
	inner.depth++;
	int rc = part_open(&inner.facts) < 0 ? -1 : 0;
	if (part_open(&inner.rows) < 0 || rc < 0)
		rc = fleet_fail(builder->error, NULL, "out of memory");
	if (rc == 0)
		rc = write_selector(&inner);
	if (rc == 0)
		rc = add_group(part, &inner, json_string_value(json_object_get(row, "tenant")), part == &builder->rows);
	part_free(&inner.facts);
	part_free(&inner.rows);
	return rc;
}

/* Adds the groups of this name, of all tenants that may be seen, to `groups`. */
static int find_groups(struct builder *builder, const char *name, json_t *groups)
{
	json_t *rows;
	if (store_select(builder->store, &rows,
		    "SELECT tenant, selector FROM groups WHERE name = ? AND (? = '' OR tenant = ?)", "sss", name,
		    builder->tenant, builder->tenant) < 0)
		return fleet_fail(builder->error, NULL, "the database failed: %s", store_error(builder->store));
	bool found = json_array_size(rows) > 0;
	json_array_extend(groups, rows);
	json_decref(rows);
	if (found)
		return 0;
	(void)!fleet_fail(builder->error, "see `skerry group list`", "there is no group '%s'", name);
	return STORE_NONE;
}

static bool any_needs_rows(const json_t *groups)
{
	const json_t *row;
	size_t index;
	bool any = false;
	json_array_foreach(groups, index, row)
	{
		struct selector selector;
		struct fleet_error error;
		const char *text = json_string_value(json_object_get(row, "selector"));
		any |= selector_parse(text, &selector, &error) == 0 && needs_rows(&selector);
	}
	return any;
}

static int write_groups(struct builder *builder, const struct selector_term *term)
{
	json_t *groups = json_array();
	const json_t *row;
	size_t index;
	int rc = groups ? 0 : fleet_fail(builder->error, NULL, "out of memory");
	for (size_t i = 0; rc == 0 && i < term->count; i++)
		rc = find_groups(builder, selector_value(builder->selector, term, i), groups);
	struct part *part = any_needs_rows(groups) ? &builder->rows : &builder->facts;
	fprintf(part->sql, " AND %s(0 = 1", is_denied(term) ? "NOT " : "");
	json_array_foreach(groups, index, row)
	{
		if (rc == 0)
			rc = write_one_group(builder, part, row);
	}
	fputc(')', part->sql);
	json_decref(groups);
	return rc;
}

#define OWN_CHANNEL                                                                                                    \
	"EXISTS (SELECT 1 FROM channels c WHERE c.tenant = f.tenant AND c.app = f.app AND c.board = f.board"           \
	" AND c.digest = f.digest"

/* The term without its "not". */
static int write_positive(struct builder *builder, const struct selector_term *term)
{
#define COLUMN(name) write_texts(builder, term, name " <> ''", name " = ?")
	switch (term->field) {
	case SELECTOR_ATTRIBUTE:
	case SELECTOR_GROUP:
		break; /* write_selector() */
	case SELECTOR_ID:
		return write_texts(builder, term, "1 = 1", "d.id = ?");
	case SELECTOR_BOARD:
		return COLUMN("f.board");
	case SELECTOR_APP:
		return COLUMN("f.app");
	case SELECTOR_VERSION:
		return COLUMN("f.version");
	case SELECTOR_DIGEST:
		return write_texts(builder, term, "f.digest <> ''", "instr(f.digest, ?) = 1");
	case SELECTOR_ONLINE:
		return write_online(builder, term);
	case SELECTOR_STATE:
		return COLUMN("f.state");
	case SELECTOR_HEALTH:
		return COLUMN("f.health");
	case SELECTOR_MODE:
		return COLUMN("f.mode");
	case SELECTOR_TENANT:
		return COLUMN("f.tenant");
	case SELECTOR_CHANNEL:
		return write_texts(builder, term, OWN_CHANNEL ")", OWN_CHANNEL " AND c.name = ?)");
	case SELECTOR_SLOT:
		return COLUMN("f.slot");
	case SELECTOR_SERIAL:
		return write_texts(builder, term, "d.serial IS NOT NULL", "d.serial IS ?");
	case SELECTOR_MAC:
		return write_texts(builder, term, "d.mac IS NOT NULL", "d.mac IS ?");
	}
	return fleet_fail(builder->error, NULL, "the selector has an unknown term");
#undef COLUMN
}

static int write_term(struct builder *builder, const struct selector_term *term)
{
	FILE *sql = part_of(builder, term->field)->sql;
	fputs(is_denied(term) ? " AND NOT (" : " AND (", sql);
	int rc = write_positive(builder, term);
	fputc(')', sql);
	return rc;
}

static int write_selector(struct builder *builder)
{
	const struct selector *selector = builder->selector;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < selector->term_count; i++) {
		const struct selector_term *term = &selector->terms[i];
		if (term->field == SELECTOR_GROUP)
			rc = write_groups(builder, term);
		else if (term->field != SELECTOR_ATTRIBUTE)
			rc = write_term(builder, term);
	}
	return rc == 0 && selector_uses(selector, SELECTOR_ATTRIBUTE) ? write_attributes(builder) : rc;
}

static int write_all(struct builder *builder)
{
	if (!selector_uses(builder->selector, SELECTOR_STATE))
		fputs(" AND f.state <> 'retired'", builder->facts.sql);
	if (*builder->tenant) {
		fputs(" AND f.tenant = ?", builder->facts.sql);
		add_value(&builder->facts, builder->tenant);
	}
	return write_selector(builder);
}

/* Both parts as one, and the first by itself if it is all. */
static int join(struct builder *builder, struct store_where *where)
{
	if (part_close(&builder->facts) < 0 || part_close(&builder->rows) < 0)
		return -1;
	bool is_all = strcmp(builder->rows.text, "1 = 1") == 0;
	if (asprintf(&where->sql, "d.facts IN (SELECT f.n FROM facts f WHERE %s) AND %s", builder->facts.text,
		    builder->rows.text) < 0) {
		where->sql = NULL;
		return -1;
	}
	json_array_extend(builder->facts.values, builder->rows.values);
	where->values = json_incref(builder->facts.values);
	where->facts = is_all ? builder->facts.text : NULL;
	if (is_all)
		builder->facts.text = NULL;
	return 0;
}

int store_where_make(struct store *store, const struct selector *selector, const char *tenant,
	struct store_where *where, struct fleet_error *error)
{
	struct builder builder = {.store = store, .selector = selector, .tenant = tenant, .error = error};
	*where = (struct store_where){0};
	int rc = part_open(&builder.facts) < 0 ? -1 : 0;
	if (part_open(&builder.rows) < 0 || rc < 0)
		rc = fleet_fail(error, NULL, "out of memory");
	if (rc == 0)
		rc = write_all(&builder);
	if (rc == 0 && join(&builder, where) < 0)
		rc = fleet_fail(error, NULL, "out of memory");
	part_free(&builder.facts);
	part_free(&builder.rows);
	if (rc)
		store_where_free(where);
	return rc;
}

void store_where_free(struct store_where *where)
{
	free(where->sql);
	free(where->facts);
	json_decref(where->values);
	*where = (struct store_where){0};
}
