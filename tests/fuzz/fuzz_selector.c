/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selectors: first line of the input, the text; second, if there is one, what a device says of itself, which must not look like another attribute.
 *
 * What is accepted means the same when its parts are written out and read again; and a real database finds for it the devices that the plain rules
 * below, one device and one term after the other, find.
 */
#include "skerryd/selector.h"

#include <jansson.h>

#include "fuzz.h"
#include "skerryd/devices.h"
#include "skerryd/store_priv.h"

#define D1    "1111111111111111111111111111111111111111111111111111111111111111"
#define D2    "1111111122222222222222222222222222222222222222222222222222222222"
#define COUNT 7

/* In the order of their ids. NULL is never said. */
struct device {
	const char *id, *board, *app, *version, *digest, *online, *state, *health, *mode, *tenant, *slot, *attributes;
	json_t *object; /* of attributes */
	const char *serial, *mac;
};
static struct device fleet[COUNT] = {
	{"a", "pi4", "sensor", "1.0.0", D1, "true", "active", "good", "normal", "default", "a",
		"{\"ring\":\"canary\",\"site\":\"lab 1\"}", NULL, "100000001", "52:54:00:00:00:0a"},
	{"b", "pi4", "sensor", "2.0.0", D2, "false", "active", "good", "trial", "default", "b",
		"{\"ring\":\"rest\",\"site\":\"roof\"}", NULL, "100000002", "52:54:00:00:00:0b"},
	{"c", "pi5", "cam", "1.0.0", D1, "true", "active", "safe", "safe", "default", "a", "{\"xring\":\"canary\"}",
		NULL, "a b!", NULL},
	{"d", "pi5", NULL, NULL, NULL, "false", "active", NULL, NULL, "default", NULL, "{}", NULL, NULL, NULL},
	{"e", "pi4", "sensor", NULL, NULL, "false", "retired", NULL, NULL, "default", NULL, "{\"ring\":\"canary\"}",
		NULL, NULL, "52:54:00:00:00:0a"},
	{"f", "pi4", "sensor", "1.0.0", D1, "true", "revoked", "failed", "normal", "north", "a",
		"{\"a\":\"b\\\\\",\"ring\":\"a\\\"b\"}", NULL, "100000001", NULL},
	{"n", "pi4", "sensor", "2.0.0", D2, "true", "active", "good", "normal", "north", "b", "{\"ring\":\"canary\"}",
		NULL, "x", "52:54:00:00:00:0c"},
};
#define SPEAKER 3 /* whose attribute `note` is the second line */

static const struct {
	const char *tenant, *name, *selector;
} groups[] = {
	{"default", "first", "ring=canary"},
	{"north", "first", "board=pi4,state"},
	{"default", "facts", "board!=pi4"},
	{"default", "ids", "id in (a d),!ring"},
	{"north", "empty", ""},
	{"default", "nested", "group=first"},
};
static const struct {
	const char *tenant, *app, *board, *name, *digest;
} channels[] = {
	{"default", "sensor", "pi4", "stable", D2},
	{"default", "cam", "pi5", "beta", D1},
	{"north", "sensor", "pi4", "stable", D1},
};
#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* ---- the plain rules: 1, 0, or negative for what cannot be asked ---- */

enum { NO_GROUP = -1, NESTED = -2 };

static const char *own_text(const struct device *device, enum selector_field field)
{
	const char *const texts[] = {[SELECTOR_ID] = device->id,
		[SELECTOR_BOARD] = device->board,
		[SELECTOR_APP] = device->app,
		[SELECTOR_VERSION] = device->version,
		[SELECTOR_DIGEST] = device->digest,
		[SELECTOR_ONLINE] = device->online,
		[SELECTOR_STATE] = device->state,
		[SELECTOR_HEALTH] = device->health,
		[SELECTOR_MODE] = device->mode,
		[SELECTOR_TENANT] = device->tenant,
		[SELECTOR_SLOT] = device->slot,
		[SELECTOR_SERIAL] = device->serial,
		[SELECTOR_MAC] = device->mac};
	FUZZ_MUST((size_t)field < LENGTH(texts));
	return texts[field] ? texts[field] : "";
}

/* value NULL: any */
static bool on_channel(const struct device *device, const char *value)
{
	for (size_t i = 0; i < LENGTH(channels); i++)
		if (strcmp(channels[i].tenant, device->tenant) == 0 && device->app &&
			strcmp(channels[i].app, device->app) == 0 && strcmp(channels[i].board, device->board) == 0 &&
			device->digest && strcmp(channels[i].digest, device->digest) == 0 &&
			(!value || strcmp(channels[i].name, value) == 0))
			return true;
	return false;
}

static int all_hold(const struct device *device, const struct selector *selector, const char *tenant, int depth);

static int in_group(const struct device *device, const char *name, const char *tenant, int depth)
{
	int result = NO_GROUP;
	for (size_t i = 0; i < LENGTH(groups); i++) {
		struct selector selector;
		struct fleet_error error;
		if (strcmp(groups[i].name, name) != 0 || (*tenant && strcmp(groups[i].tenant, tenant) != 0))
			continue;
		if (depth > 0)
			return NESTED;
		FUZZ_MUST(selector_parse(groups[i].selector, &selector, &error) == 0);
		int inside = all_hold(device, &selector, tenant, depth + 1);
		if (inside < 0)
			return inside;
		if (strcmp(device->tenant, groups[i].tenant) != 0)
			inside = 0;
		result = result == 1 || inside == 1;
	}
	return result;
}

static bool has_value(const struct device *device, const struct selector *selector, const struct selector_term *term,
	const char *value)
{
	const char *attribute = json_string_value(json_object_get(device->object, selector_name(selector, term)));
	switch (term->field) {
	case SELECTOR_ATTRIBUTE:
		return attribute && strcmp(attribute, value) == 0;
	case SELECTOR_DIGEST:
		return strncmp(own_text(device, SELECTOR_DIGEST), value, strlen(value)) == 0;
	case SELECTOR_CHANNEL:
		return on_channel(device, value);
	default:
		return strcmp(own_text(device, term->field), value) == 0;
	}
}

static bool has_any(const struct device *device, const struct selector *selector, const struct selector_term *term)
{
	switch (term->field) {
	case SELECTOR_ATTRIBUTE:
		return json_object_get(device->object, selector_name(selector, term)) != NULL;
	case SELECTOR_ONLINE:
		return strcmp(device->online, "true") == 0;
	case SELECTOR_CHANNEL:
		return on_channel(device, NULL);
	default:
		return *own_text(device, term->field) != '\0';
	}
}

/* Without its "not". */
static int positive_holds(const struct device *device, const struct selector *selector,
	const struct selector_term *term, const char *tenant, int depth)
{
	int result = term->count == 0 ? has_any(device, selector, term) : 0;
	for (size_t i = 0; i < term->count; i++) {
		const char *value = selector_value(selector, term, i);
		int is = term->field == SELECTOR_GROUP ? in_group(device, value, tenant, depth)
						       : has_value(device, selector, term, value);
		if (is < 0)
			return is;
		result |= is;
	}
	return result;
}

static int all_hold(const struct device *device, const struct selector *selector, const char *tenant, int depth)
{
	int result = 1;
	for (size_t i = 0; i < selector->term_count; i++) {
		const struct selector_term *term = &selector->terms[i];
		bool denied = term->test == SELECTOR_NOT_IN || term->test == SELECTOR_HAS_NOT;
		int holds = positive_holds(device, selector, term, tenant, depth);
		if (holds < 0)
			return holds;
		result &= (holds == 1) != denied;
	}
	return result;
}

static int matches(const struct device *device, const struct selector *selector, const char *tenant)
{
	int result = all_hold(device, selector, tenant, 0);
	if (result < 0)
		return result;
	if (!selector_uses(selector, SELECTOR_STATE) && strcmp(device->state, "retired") == 0)
		return 0;
	return *tenant && strcmp(device->tenant, tenant) != 0 ? 0 : result;
}

/* ---- the same fleet in a database ---- */

static struct store *store;

static void must_run(int rc)
{
	if (rc == 0)
		return;
	fprintf(stderr, "fuzz_selector: %s\n", store ? store_error(store) : "no database");
	abort();
}

static void attributes_set(struct device *device, json_t *object)
{
	json_decref(device->object);
	device->object = object;
	must_run(object ? store_attributes_put(store, device->id, object) : -1);
}

static void add_device(struct device *d)
{
	must_run(store_run(store,
		"INSERT INTO devices (id, board, added_at, app, version, digest, online, state, health, mode, tenant, "
		"slot, serial, mac)"
		" VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"sssssisssssss", d->id, d->board, d->app, d->version, d->digest,
		(int64_t)(strcmp(d->online, "true") == 0), d->state, d->health, d->mode, d->tenant, d->slot, d->serial,
		d->mac));
	attributes_set(d, json_loads(d->attributes, 0, NULL));
}

static void set_up(void)
{
	struct fleet_error error;
	if (store)
		return;
	must_run(store_open(":memory:", &store, &error));
	must_run(store_run(store, "INSERT INTO tenants VALUES ('north', 0)", ""));
	must_run(store_run(store, "INSERT INTO images (digest, added_at) VALUES ('" D1 "', 1), ('" D2 "', 1)", ""));
	for (size_t i = 0; i < COUNT; i++)
		add_device(&fleet[i]);
	for (size_t i = 0; i < LENGTH(groups); i++)
		must_run(store_run(store, "INSERT INTO groups VALUES (?, ?, ?, 1)", "sss", groups[i].tenant,
			groups[i].name, groups[i].selector));
	for (size_t i = 0; i < LENGTH(channels); i++)
		must_run(store_run(store, "INSERT INTO channels VALUES (?, ?, ?, ?, ?, 1)", "sssss", channels[i].tenant,
			channels[i].app, channels[i].board, channels[i].name, channels[i].digest));
}

/* True: the device has the attribute now. */
static bool speak(const char *text)
{
	struct fleet_error error;
	json_t *string = json_string(text), *object = json_object();
	bool spoken =
		string && json_object_set(object, "note", string) == 0 && devices_check_attributes(object, &error) == 0;
	json_decref(string);
	if (spoken)
		attributes_set(&fleet[SPEAKER], object);
	else
		json_decref(object);
	return spoken;
}

/* ---- what is found ---- */

static void rows_check(json_t *rows, const struct selector *selector, const char *tenant)
{
	size_t at = 0;
	for (size_t i = 0; i < COUNT; i++) {
		const char *id = json_string_value(json_object_get(json_array_get(rows, at), "id"));
		bool found = id && strcmp(id, fleet[i].id) == 0;
		FUZZ_MUST(found == (matches(&fleet[i], selector, tenant) == 1));
		at += found;
	}
	FUZZ_MUST(at == json_array_size(rows));
}

/* As the list of devices asks, and as a rollout does. */
static void found_check(const struct store_where *where, const struct selector *selector, const char *tenant)
{
	const struct store_devices_query query = {.where = where, .after = "", .limit = COUNT};
	json_t *rows;
	bool more;
	int64_t total = -1;
	char *sql;
	must_run(store_devices_json(store, &query, &rows, &more, &total));
	FUZZ_MUST(!more && total == (int64_t)json_array_size(rows));
	rows_check(rows, selector, tenant);
	json_decref(rows);
	FUZZ_MUST(asprintf(&sql, "SELECT d.id FROM devices d WHERE %s ORDER BY d.id", where->sql) > 0);
	must_run(store_select(store, &rows, sql, "w", where));
	rows_check(rows, selector, tenant);
	json_decref(rows);
	store_pool_clear(store); /* by their text: each input has another */
	free(sql);
}

static void meaning_check(const struct selector *selector, const char *tenant)
{
	struct store_where where;
	struct fleet_error error = {0};
	int expected = matches(&fleet[0], selector, tenant),
	    rc = store_where_make(store, selector, tenant, &where, &error);
	if (expected >= 0) {
		must_run(rc);
		found_check(&where, selector, tenant);
		store_where_free(&where);
	} else {
		/* Which of two faults is named is open. */
		FUZZ_MUST(rc < 0 || rc == STORE_NONE);
		FUZZ_MUST(error.cause[0] != '\0' && error.remedy[0] != '\0');
	}
}

/* ---- what is read ---- */

static void write_value(FILE *out, const char *value)
{
	fputc('"', out);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('"', out);
}

static void write_term(FILE *out, const struct selector *selector, const struct selector_term *term)
{
	fprintf(out, "%s%s", term->test == SELECTOR_HAS_NOT ? "!" : "", selector_name(selector, term));
	if (term->count == 0)
		return;
	fputs(term->test == SELECTOR_NOT_IN ? "!=" : term->count == 1 ? "=" : " in (", out);
	for (size_t i = 0; i < term->count; i++) {
		fputs(i > 0 ? " " : "", out);
		write_value(out, selector_value(selector, term, i));
	}
	fputs(term->count > 1 ? ")" : "", out);
}

static void term_check(const struct selector *a, const struct selector *b, size_t i)
{
	const struct selector_term *x = &a->terms[i], *y = &b->terms[i];
	FUZZ_MUST(x->field == y->field && x->test == y->test && x->count == y->count);
	FUZZ_MUST(strcmp(selector_name(a, x), selector_name(b, y)) == 0);
	FUZZ_MUST((x->count == 0) == (x->test == SELECTOR_HAS || x->test == SELECTOR_HAS_NOT));
	FUZZ_MUST(x->count <= 1 || x->test == SELECTOR_IN);
	FUZZ_MUST((x->field == SELECTOR_ATTRIBUTE) == selector_is_attribute(selector_name(a, x)));
	for (size_t j = 0; j < x->count; j++)
		FUZZ_MUST(strcmp(selector_value(a, x, j), selector_value(b, y, j)) == 0);
}

/* All in quotes it may be too long to be read again. */
static void again_check(const struct selector *selector)
{
	struct selector again;
	struct fleet_error error;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	FUZZ_MUST(out != NULL);
	for (size_t i = 0; i < selector->term_count; i++) {
		fputs(i > 0 ? "," : "", out);
		write_term(out, selector, &selector->terms[i]);
	}
	FUZZ_MUST(fclose(out) == 0);
	if (len <= SELECTOR_TEXT_MAX) {
		FUZZ_MUST(selector_parse(text, &again, &error) == 0);
		FUZZ_MUST(again.term_count == selector->term_count && again.value_count == selector->value_count);
		for (size_t i = 0; i < selector->term_count; i++)
			term_check(selector, &again, i);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	struct selector selector;
	struct fleet_error error = {0};
	char *text = fuzz_rest(&in, true), *end = strchr(text, '\n');
	set_up();
	if (end)
		*end = '\0';
	if (selector_parse(text, &selector, &error) == 0) {
		bool spoken = end && speak(end + 1);
		again_check(&selector);
		meaning_check(&selector, "");
		meaning_check(&selector, "default");
		if (spoken)
			attributes_set(&fleet[SPEAKER], json_object());
	} else {
		FUZZ_MUST(error.cause[0] != '\0' && error.remedy[0] != '\0');
	}
	free(text);
	return 0;
}
