/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors: what is read, what is refused and where, and which devices a real database finds for them. */
#include "skerryd/selector.h"

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
#include "skerryd/store_priv.h"

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"

struct fixture {
	char dir[64], path[80];
	struct store *store;
};

static void exec(struct fixture *f, const char *sql)
{
	char *why = NULL;
	if (sqlite3_exec(f->store->db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

/* A fleet of seven. */
static int set_up(void **state)
{
	struct fleet_error error;
	struct fixture *f = calloc(1, sizeof *f);
	strcpy(f->dir, "/tmp/skerry-selector-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof f->path, "%s/fleet.db", f->dir);
	*state = f;
	if (store_open(f->path, &f->store, &error) < 0)
		return -1;
	exec(f, "INSERT INTO tenants VALUES ('north', 0);"
		"INSERT INTO devices (id, board, added_at, online, version, digest, mode, tenant, state, health, app,"
		" attributes, slot) VALUES"
		" ('a', 'pi4', 1, 1, '1.0.0', '" D1 "', 'normal', 'default', 'active', 'good', 'sensor',"
		" '{\"ring\":\"canary\",\"site\":\"lab 1\"}', 'a'),"
		" ('b', 'pi4', 1, 0, '2.0.0', '" D2 "', 'normal', 'default', 'active', 'good', 'sensor',"
		" '{\"ring\":\"rest\",\"site\":\"roof\"}', 'b'),"
		" ('c', 'pi5', 1, 1, '1.0.0', '" D1 "', 'safe', 'default', 'active', 'safe', 'cam',"
		" '{\"xring\":\"canary\"}', 'a'),"
		" ('d', 'pi5', 1, 0, NULL, NULL, NULL, 'default', 'active', NULL, NULL, '{}', NULL),"
		" ('e', 'pi4', 1, 0, NULL, NULL, NULL, 'default', 'retired', NULL, NULL, '{\"ring\":\"canary\"}', "
		"NULL),"
		" ('n', 'pi4', 1, 1, '1.0.0', '" D1 "', 'normal', 'north', 'active', 'good', 'sensor',"
		" '{\"ring\":\"canary\"}', 'a');"
		"INSERT INTO images (digest, added_at) VALUES ('" D2 "', 1);"
		"INSERT INTO channels VALUES ('default', 'sensor', 'pi4', 'stable', '" D2 "', 1);"
		"INSERT INTO groups VALUES ('default', 'first', 'ring=canary', 1), ('north', 'first', 'board=pi4', 1),"
		" ('default', 'nested', 'group=first', 1), ('north', 'own', 'ring', 1),"
		" ('default', 'pi5', 'board=pi5', 1), ('default', 'one', 'id=a', 1)");
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	store_close(f->store);
	file_remove_tree(f->dir);
	free(f);
	return 0;
}

/* ---- what is read ---- */

static void parsed(void **state)
{
	struct selector selector;
	struct fleet_error error;
	const struct selector_term *term = selector.terms;
	(void)state;
	assert_int_equal(selector_parse("  ", &selector, &error), 0);
	assert_int_equal(selector.term_count, 0);
	assert_int_equal(
		selector_parse(" board=pi4 , ring in ( a  \"b \\\"c\\\" \\\\\" ),!site,in,version!=1.0.0,inner",
			&selector, &error),
		0);
	assert_int_equal(selector.term_count, 6);
	assert_int_equal(term[0].field, SELECTOR_BOARD);
	assert_int_equal(term[0].test, SELECTOR_IN);
	assert_string_equal(selector_value(&selector, &term[0], 0), "pi4");
	assert_int_equal(term[1].field, SELECTOR_ATTRIBUTE);
	assert_string_equal(selector_name(&selector, &term[1]), "ring");
	assert_int_equal(term[1].count, 2);
	assert_string_equal(selector_value(&selector, &term[1], 1), "b \"c\" \\");
	assert_int_equal(term[2].test, SELECTOR_HAS_NOT);
	assert_string_equal(selector_name(&selector, &term[3]), "in"); /* a name like any other */
	assert_int_equal(term[3].test, SELECTOR_HAS);
	assert_int_equal(term[4].test, SELECTOR_NOT_IN);
	assert_string_equal(selector_name(&selector, &term[5]), "inner");
	assert_true(selector_uses(&selector, SELECTOR_VERSION));
	assert_false(selector_uses(&selector, SELECTOR_STATE));
	/* The longest text, all of it values of one byte, stays within its bounds. */
	char longest[SELECTOR_TEXT_MAX + 2] = "r in (";
	for (size_t i = 0; i < SELECTOR_VALUES_MAX; i++)
		strcat(longest, "x ");
	strcat(longest, "),y=\"");
	memset(longest + strlen(longest), 'z', SELECTOR_TEXT_MAX - 1 - strlen(longest));
	longest[SELECTOR_TEXT_MAX - 1] = '"';
	longest[SELECTOR_TEXT_MAX] = 0;
	assert_int_equal(selector_parse(longest, &selector, &error), -1); /* 65 values */
	memcpy(longest + 6, "  ", 2);
	assert_int_equal(selector_parse(longest, &selector, &error), 0);
	longest[SELECTOR_TEXT_MAX - 1] = 'z';
	longest[SELECTOR_TEXT_MAX] = '"';
	longest[SELECTOR_TEXT_MAX + 1] = 0;
	assert_int_equal(selector_parse(longest, &selector, &error), -1);
}

static void refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"=x", "at character 1, '=x': a name"},
		{"a=", "ends where a value"},
		{"a=b c", "at character 5, 'c': a comma"},
		{"a=b,", "ends where a name"},
		{"a=b,,c", "at character 5"},
		{"a in b", "at character 6, 'b': '('"},
		{"a in (", "ends where a value"},
		{"a in ()", "at character 7, ')': a value"},
		{"a in (b,c)", "at character 8"},
		{"a=\"b", "ends where a closing quote"},
		{"a=\"b\\", "ends where a closing quote"},
		{"a=\"\n\"", "a printable character"},
		{"a==b", "at character 3"},
		{"a>b", "at character 2"},
		{"!a=b", "at character 3"},
		{"a=b;DROP TABLE devices", "at character 4, ';DROP TABLE devices': a comma"},
		{"a='x'", "at character 3"},
		{"a\xff", "not UTF-8"},
		{"\"a\"=b", "at character 1"},
		{"online=yes", "online with 'yes'"},
		{"digest=12", "digest with '12'"},
		{"digest=GG111111", "digest with"},
		{"group", "names no group"},
		{"!group", "names no group"},
		{"a1234567890123456789012345678901234567890123456789012345678901234=x", "at most 64"},
		{"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "after 16 terms"},
	};
	struct selector selector;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fleet_error error = {0};
		if (selector_parse(cases[i].text, &selector, &error) == 0)
			fail_msg("'%s' is taken", cases[i].text);
		if (!strstr(error.cause, cases[i].says) || !*error.remedy)
			fail_msg("'%s': '%s' does not say '%s'", cases[i].text, error.cause, cases[i].says);
	}
}

static void attribute_names(void **state)
{
	(void)state;
	assert_true(selector_is_attribute("site"));
	assert_true(selector_is_attribute("example.org/site-1"));
	assert_false(selector_is_attribute("board"));
	assert_false(selector_is_attribute(""));
	assert_false(selector_is_attribute("a b"));
	assert_false(selector_is_attribute("a\"b"));
}

/* ---- what is found ---- */

/* The ids that match, one letter each. */
static void find(struct fixture *f, const char *text, const char *tenant, char found[16])
{
	struct selector selector;
	struct store_where where;
	struct fleet_error error;
	char sql[8192];
	json_t *rows, *row;
	size_t index;
	if (selector_parse(text, &selector, &error) < 0 ||
		store_where_make(f->store, &selector, tenant, &where, &error) != 0)
		fail_msg("'%s': %s", text, error.cause);
	snprintf(sql, sizeof sql, "SELECT d.id FROM devices d WHERE %s AND d.id > ? ORDER BY d.id LIMIT ?", where.sql);
	if (store_select(f->store, &rows, sql, "wsi", &where, "", (int64_t)10) < 0)
		fail_msg("'%s': %s: %s", text, where.sql, store_error(f->store));
	*found = 0;
	json_array_foreach(rows, index, row)
	{
		strcat(found, json_string_value(json_object_get(row, "id")));
	}
	json_decref(rows);
	store_where_free(&where);
}

static void found(void **state)
{
	static const struct {
		const char *text, *tenant, *ids;
	} cases[] = {
		{"", "", "abcdn"},
		{"", "north", "n"},
		{"", "default", "abcd"},
		{"ring=canary", "", "an"},
		{"ring=canary", "default", "a"},
		{"ring!=canary", "", "bcd"}, /* also who has no ring */
		{"ring", "", "abn"},
		{"!ring", "", "cd"},
		{"ring in (canary rest)", "", "abn"},
		{"ring in (canary rest),site", "", "ab"},
		{"site=\"lab 1\"", "", "a"},
		{"site=lab", "", ""},
		{"board=pi4,online", "", "an"},
		{"board in (pi4 pi5),!online", "", "bd"},
		{"online=false", "", "bd"},
		{"online in (true false)", "", "abcdn"},
		{"online!=true", "", "bd"},
		{"version=1.0.0", "", "acn"},
		{"version!=1.0.0", "", "bd"}, /* also who never said */
		{"version", "", "abcn"},
		{"!version", "", "d"},
		{"digest=11111111", "", "acn"},
		{"digest!=11111111,digest", "", "b"},
		{"digest=" D2, "", "b"},
		{"health=safe", "", "c"},
		{"mode=safe,app=cam,slot=a", "", "c"},
		{"state=retired", "", "e"},
		{"state", "", "abcden"},
		{"tenant=north", "", "n"},
		{"tenant=north", "default", ""},
		{"id in (a n)", "", "an"},
		{"id in (a n)", "default", "a"},
		{"id!=a,id!=b", "", "cdn"},
		{"group=first", "", "an"},
		{"group=first", "default", "a"},
		{"group!=first", "default", "bcd"},
		{"group=first,online", "north", "n"},
		{"group=pi5,online", "", "c"}, /* of facts alone */
		{"group!=pi5", "default", "ab"},
		{"group in (pi5 first)", "default", "acd"},
		{"group in (pi5 one),!ring", "default", "cd"},
		{"group=one", "default", "a"},
		{"group!=one,group!=pi5", "default", "b"},
		{"channel=stable", "", "b"},
		{"channel!=stable", "", "acdn"},
		{"channel", "", "b"},
	};
	char ids[16];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		find(*state, cases[i].text, cases[i].tenant, ids);
		if (strcmp(ids, cases[i].ids) != 0)
			fail_msg(
				"'%s' of '%s' finds '%s', not '%s'", cases[i].text, cases[i].tenant, ids, cases[i].ids);
	}
}

/* A value is a value, whatever it looks like; an attribute's value cannot pose as another attribute. */
static void injected(void **state)
{
	struct fixture *f = *state;
	char ids[16];
	json_t *attributes = json_pack("{s:s, s:s}", "note", "x\",\"ring\":\"canary", "q", "' OR 1=1 --");
	assert_int_equal(store_attributes_put(f->store, "d", attributes), 0);
	json_decref(attributes);
	find(f, "ring=canary", "default", ids);
	assert_string_equal(ids, "a");
	find(f, "!ring", "default", ids);
	assert_string_equal(ids, "cd");
	find(f, "note=\"x\\\",\\\"ring\\\":\\\"canary\"", "", ids);
	assert_string_equal(ids, "d");
	find(f, "q=\"' OR 1=1 --\"", "", ids);
	assert_string_equal(ids, "d");
	find(f, "id=\"' OR '1'='1\"", "", ids);
	assert_string_equal(ids, "");
	find(f, "board=\"x') OR 1=1; DROP TABLE devices; --\"", "", ids);
	assert_string_equal(ids, "");
	find(f, "site=\"%\"", "", ids);
	assert_string_equal(ids, "");
	find(f, "", "x' OR '1'='1", ids);
	assert_string_equal(ids, "");
	find(f, "", "", ids);
	assert_string_equal(ids, "abcdn");
}

static void attributes_kept(void **state)
{
	struct fixture *f = *state;
	char value[16], ids[16];
	json_t *attributes;
	assert_int_equal(store_attribute_get(f->store, "a", "site", value, sizeof value), 0);
	assert_string_equal(value, "lab 1");
	assert_int_equal(store_attribute_get(f->store, "a", "none", value, sizeof value), STORE_NONE);
	assert_int_equal(store_attribute_get(f->store, "nobody", "site", value, sizeof value), STORE_NONE);
	assert_int_equal(store_attributes_get(f->store, "a", &attributes), 0);
	json_object_set_new(attributes, "Ort",
		json_string("M\xc3\xbcnchen/S\xc3\xbc"
			    "d"));
	assert_int_equal(store_attributes_put(f->store, "a", attributes), 0);
	json_decref(attributes);
	find(f,
		"Ort=\"M\xc3\xbcnchen/S\xc3\xbc"
		"d\",ring=canary",
		"", ids);
	assert_string_equal(ids, "a");
}

static void bad_groups(void **state)
{
	static const struct {
		const char *text, *tenant, *says;
		int code;
	} cases[] = {
		{"group=none", "", "no group 'none'", STORE_NONE},
		{"group=own", "default", "no group 'own'", STORE_NONE}, /* another tenant's */
		{"group=nested", "default", "names a group", -1},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct selector selector;
		struct store_where where;
		struct fleet_error error = {0};
		assert_int_equal(selector_parse(cases[i].text, &selector, &error), 0);
		assert_int_equal(store_where_make(f->store, &selector, cases[i].tenant, &where, &error), cases[i].code);
		if (!strstr(error.cause, cases[i].says))
			fail_msg("'%s' does not say '%s'", error.cause, cases[i].says);
	}
}

/* ---- pages, totals and counts ---- */

/* A page of two behind `after` as letters; "+": there are more. */
static void page(struct fixture *f, const char *text, const char *q, const char *after, char out[8])
{
	struct selector selector;
	struct store_where where;
	struct fleet_error error;
	json_t *rows, *row;
	size_t index;
	int64_t total = -1;
	bool more;
	assert_int_equal(selector_parse(text, &selector, &error), 0);
	assert_int_equal(store_where_make(f->store, &selector, "", &where, &error), 0);
	const struct store_devices_query query = {.where = &where, .text = q, .after = after, .limit = 2};
	assert_int_equal(store_devices_json(f->store, &query, &rows, &more, &total), 0);
	*out = 0;
	json_array_foreach(rows, index, row) strcat(out, json_string_value(json_object_get(row, "id")));
	sprintf(out + strlen(out), "%s", more ? "+" : "");
	if (!*after)
		sprintf(out + strlen(out), "%d", (int)total);
	else
		assert_int_equal(total, -1);
	json_decref(rows);
	store_where_free(&where);
}

/* Whether facts alone answer, a pass over attributes or one for a text: the page is by id and the total is all that match. */
static void pages(void **state)
{
	static const struct {
		const char *text, *q, *after, *page;
	} cases[] = {
		{"", NULL, "", "ab+5"},
		{"", "", "", "ab+5"},
		{"", NULL, "b", "cd+"},
		{"", NULL, "d", "n"},
		{"online", NULL, "", "ac+3"}, /* of two boards, in the order of the ids */
		{"version=1.0.0,health=good", NULL, "", "an2"},
		{"health=failed", NULL, "", "0"},
		{"site", NULL, "", "ab2"},
		{"ring", NULL, "", "ab+3"},
		{"ring", NULL, "b", "n"},
		{"!ring", NULL, "", "cd2"},
		{"id in (n d c a)", NULL, "", "ac+4"},
		{"ring=none", NULL, "", "0"},
		{"group=first", NULL, "", "an2"},
		{"", "cAnary", "", "ac+3"},
		{"", "canary", "a", "cn"},
		{"ring", "CANARY", "", "an2"},
		{"", "LAB 1", "", "a1"},
		{"", "1.0.0", "", "ac+3"}, /* a version */
		{"", "2.0", "", "b1"},
		{"online", "2.0", "", "0"},
		{"", "N", "", "ab+4"}, /* n, and whose attributes have it */
		{"", "canaryx", "", "0"},
		{"", "%", "", "0"},
	};
	char out[16];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		page(*state, cases[i].text, cases[i].q, cases[i].after, out);
		if (strcmp(out, cases[i].page) != 0)
			fail_msg("'%s' '%s' after '%s' is '%s', not '%s'", cases[i].text, cases[i].q ? cases[i].q : "",
				cases[i].after, out, cases[i].page);
	}
	/* Three of the same facts. */
	exec(*state, "INSERT INTO devices (id, board, added_at) VALUES ('x', 'same', 1), ('z', 'same', 1), ('y', "
		     "'same', 1)");
	page(*state, "board=same", NULL, "", out);
	assert_string_equal(out, "xy+3");
}

/* A text is found wherever it stands, of any length, and nothing else is. */
static void texts_searched(void **state)
{
	struct fixture *f = *state;
	char value[600], out[16], text[] = "abcab", sql[128];
	for (size_t begin = 0; begin < 5; begin++) {
		for (size_t len = 1; begin + len <= 5; len++) {
			snprintf(sql, sizeof sql, "UPDATE devices SET version = 'zz%szz' WHERE id = 'd'", text);
			exec(f, sql);
			char part[8] = "";
			strncat(part, text + begin, len);
			page(f, "id=d", part, "", out);
			assert_string_equal(out, "d1");
			strcat(part, "y");
			page(f, "id=d", part, "", out);
			assert_string_equal(out, "0");
		}
	}
	/* Longer than a byte can skip. */
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = 0;
	json_t *attributes = json_pack("{s:s, s:s}", "long", value, "z", "end");
	assert_int_equal(store_attributes_put(f->store, "d", attributes), 0);
	json_decref(attributes);
	char selector[700];
	snprintf(selector, sizeof selector, "long=%s,z=end", value);
	page(f, selector, NULL, "", out);
	assert_string_equal(out, "d1");
	value[300] = 'y';
	snprintf(selector, sizeof selector, "long=%s", value);
	page(f, selector, NULL, "", out);
	assert_string_equal(out, "0");
}

static int64_t number(struct fixture *f, const char *sql)
{
	sqlite3_stmt *stmt;
	assert_int_equal(store_find(f->store, &stmt, sql, ""), 0);
	int64_t n = sqlite3_column_int64(stmt, 0);
	store_done(f->store, stmt);
	return n;
}

/* Facts are those of the devices: each device has the ones of its columns, each is counted right, none is left over. */
static void check_facts(struct fixture *f)
{
	assert_int_equal(
		number(f, "SELECT count(*) FROM devices d WHERE NOT EXISTS (SELECT 1 FROM facts f WHERE f.n = d.facts"
			  " AND f.tenant = d.tenant AND f.state = d.state AND f.online = d.online AND f.board = d.board"
			  " AND f.app = coalesce(d.app, '') AND f.version = coalesce(d.version, '')"
			  " AND f.digest = coalesce(d.digest, '') AND f.health = coalesce(d.health, '')"
			  " AND f.mode = coalesce(d.mode, '') AND f.slot = coalesce(d.slot, ''))"),
		0);
	assert_int_equal(
		number(f, "SELECT count(*) FROM facts f WHERE f.count < 1 OR f.count <> (SELECT count(*) FROM devices d"
			  " WHERE d.facts = f.n)"),
		0);
}

/* Whoever changes a device: the calls of store.h, and SQL. */
static void facts_kept(void **state)
{
	static const struct store_report report = {.version = "3",
		.digest = D2,
		.slot = "b",
		.mode = "trial",
		.app = "sensor",
		.health = "trial",
		.json = "{}"};
	static const struct store_holder holder = {.device = "new", .state = "revoked", .tenant = "north"};
	struct fixture *f = *state;
	bool added;
	check_facts(f);
	assert_int_equal(store_device_put(f->store, "new", "pi4", 1, &added), 0);
	check_facts(f);
	assert_int_equal(store_device_put(f->store, "new", "pi5", 1, &added), 0);
	check_facts(f);
	assert_int_equal(store_presence_put(f->store, "a", false, 1, 1), 0);
	check_facts(f);
	int64_t facts = number(f, "SELECT facts FROM devices WHERE id = 'd'");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_report_put(f->store, "d", &report, 1), 0);
		check_facts(f);
	}
	assert_int_not_equal(number(f, "SELECT facts FROM devices WHERE id = 'd'"), facts);
	assert_int_equal(store_device_state_put(f->store, "b", "retired"), 0);
	assert_int_equal(store_device_tenant_put(f->store, "c", "north"), 0);
	assert_int_equal(store_holder_put(f->store, &holder, "k", "{\"x\":\"y\"}"), 0);
	check_facts(f);
	exec(f, "UPDATE devices SET online = 1 - online, version = NULL; DELETE FROM devices WHERE id IN ('a', 'e')");
	check_facts(f);
	assert_int_equal(number(f, "SELECT sum(count) FROM facts"), 5);
	exec(f, "DELETE FROM devices");
	assert_int_equal(number(f, "SELECT count(*) FROM facts"), 0);
}

/* No query reads the rows of all devices, which hold whole reports. */
static void plans(void **state)
{
	static const char *const texts[] = {"", "online,version!=1", "ring=canary,!site", "group=first", "id!=a"};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct selector selector;
		struct store_where where;
		struct fleet_error error;
		char sql[8192];
		sqlite3_stmt *stmt;
		bool is_covered = false;
		assert_int_equal(selector_parse(texts[i], &selector, &error), 0);
		assert_int_equal(store_where_make(f->store, &selector, "", &where, &error), 0);
		snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN SELECT count(*), lowest(d.id, 9) FROM devices d WHERE %s",
			where.sql);
		assert_int_equal(sqlite3_prepare_v2(f->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(stmt, 3);
			is_covered |= strstr(step, "SEARCH d USING COVERING INDEX devices_facts (facts=?") != NULL;
		}
		if (!is_covered)
			fail_msg("'%s' reads rows", texts[i]);
		sqlite3_finalize(stmt);
		store_where_free(&where);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsed),
		cmocka_unit_test(refused),
		cmocka_unit_test(attribute_names),
		cmocka_unit_test_setup_teardown(found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(injected, set_up, tear_down),
		cmocka_unit_test_setup_teardown(attributes_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_groups, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(texts_searched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(facts_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(plans, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("fleet/selector", tests, NULL, NULL);
}
