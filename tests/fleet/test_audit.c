/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log's chain: whatever is changed, moved or taken out of it shows. */
#include "skerryd/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/chain.h"
#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/store_priv.h"

struct fixture {
	char dir[64], path[80];
	struct skerryd server;
};

static int set_up(void **state)
{
	struct fleet_error error;
	struct fixture *f = calloc(1, sizeof *f);
	strcpy(f->dir, "/tmp/skerry-audit-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof f->path, "%s/fleet.db", f->dir);
	*state = f;
	return store_open(f->path, &f->server.store, &error);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	store_close(f->server.store);
	file_remove_tree(f->dir);
	free(f);
	return 0;
}

static void act(struct fixture *f, const char *tenant, const char *action, json_t *details)
{
	struct principal who = {.role = ROLE_OPERATOR, .name = "ann"};
	snprintf(who.tenant, sizeof who.tenant, "%s", tenant);
	assert_int_equal(store_begin(f->server.store, STORE_KEPT_ON_KILL), 0);
	assert_int_equal(audit_add(&f->server, &who, action, "device/a", details), 0);
	assert_int_equal(store_commit(f->server.store), 0);
}

static const char *member(const json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

/* The number of the first row that does not fit, 0: the chain is whole. */
static json_int_t first_wrong(struct fixture *f)
{
	uint8_t hash[CHAIN_HASH_BYTES] = {0}, kept[CHAIN_HASH_BYTES];
	json_t *rows, *row;
	size_t index;
	json_int_t wrong = 0;
	assert_int_equal(store_audit_json(f->server.store, "", 0, &rows), 0);
	json_array_foreach(rows, index, row)
	{
		json_t *details = json_object_get(row, "details");
		char *json = details ? json_dumps(details, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
		const struct chain_entry entry = {.number = json_integer_value(json_object_get(row, "n")),
			.time = json_integer_value(json_object_get(row, "time")),
			.tenant = member(row, "tenant"),
			.actor = member(row, "actor"),
			.action = member(row, "action"),
			.object = member(row, "object"),
			.details = json};
		chain_hash(hash, &entry, hash);
		free(json);
		assert_true(text_unhex(member(row, "hash"), kept, sizeof kept));
		if (!wrong && memcmp(hash, kept, sizeof hash) != 0)
			wrong = entry.number;
	}
	json_decref(rows);
	return wrong;
}

static void chained(void **state)
{
	static const char *const changes[] = {
		"UPDATE audit SET actor = 'bob' WHERE n = 3",
		"UPDATE audit SET time = time + 1 WHERE n = 3",
		"UPDATE audit SET details = NULL WHERE n = 3",
		"UPDATE audit SET details = '{\"a\":2,\"b\":\"x\"}' WHERE n = 3",
		"UPDATE audit SET tenant = 'other' WHERE n = 3",
		"UPDATE audit SET action = 'device.ad', object = 'ddevice/a' WHERE n = 3",
		"UPDATE audit SET n = 9 WHERE n = 3",
		"DELETE FROM audit WHERE n = 2",
	};
	struct fixture *f = *state;
	act(f, "", "first", NULL);
	act(f, "north", "second", json_object());
	act(f, "default", "device.add", json_pack("{s:s, s:i}", "b", "x", "a", 1));
	act(f, "", "last", NULL);
	assert_int_equal(first_wrong(f), 0);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		assert_int_equal(store_begin(f->server.store, STORE_KEPT_ON_KILL), 0);
		assert_int_equal(store_run(f->server.store, changes[i], ""), 0);
		if (first_wrong(f) == 0)
			fail_msg("unseen: %s", changes[i]);
		store_rollback(f->server.store);
	}
	assert_int_equal(first_wrong(f), 0);
}

/* A tenant sees its own; what is undone leaves no entry and no gap. */
static void own_and_whole(void **state)
{
	struct fixture *f = *state;
	const struct principal who = {.name = "ann"};
	json_t *rows;
	act(f, "north", "one", NULL);
	assert_int_equal(store_begin(f->server.store, STORE_KEPT_ON_KILL), 0);
	assert_int_equal(audit_add(&f->server, &who, "undone", "x", NULL), 0);
	store_rollback(f->server.store);
	act(f, "default", "two", NULL);
	assert_int_equal(first_wrong(f), 0);
	assert_int_equal(store_audit_json(f->server.store, "default", 0, &rows), 0);
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(member(json_array_get(rows, 0), "action"), "two");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "n")), 2);
	json_decref(rows);
	assert_int_equal(store_audit_json(f->server.store, "", 1, &rows), 0);
	assert_int_equal(json_array_size(rows), 1);
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chained, set_up, tear_down),
		cmocka_unit_test_setup_teardown(own_and_whole, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("fleet/audit", tests, NULL, NULL);
}
