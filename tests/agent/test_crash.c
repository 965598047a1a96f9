/* SPDX-License-Identifier: Apache-2.0 */
/* The crash record on its way: JSON that is always whole, and a sender that cannot be a nuisance. */
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_platform.h"
#include "json.h"
#include "ota/err.h"
#include "test.h"

static const uint64_t pcs[] = {0x40201234, 0x40205678, 0xffffffffffffffff};

static struct crash_info sample(const char *text)
{
	return (struct crash_info){
		.id = 0x00ab12cd,
		.boots = 7,
		.slot = 'b',
		.cause = "stack-overflow",
		.image = "rogue",
		.version = "2.0.0",
		.build_id = "0123456789abcdef0123456789abcdef01234567",
		.thread = "app",
		.uptime_ms = 12345,
		.esr = 0x96000047,
		.elr = 0x40201234,
		.far = 0x40300ff8,
		.sp = 0x40301000,
		.lr = 0x40205678,
		.pcs = pcs,
		.pc_count = 3,
		.text = text,
		.text_bytes = strlen(text),
	};
}

static char buf[CRASH_MESSAGE_MAX];

static struct json written(const struct crash_info *info, size_t cap)
{
	struct json root;
	int len = crash_json(info, buf, cap);

	assert_true(len > 0 && (size_t)len < cap);
	assert_int_equal(json_parse(buf, (size_t)len, &root), 0);
	assert_int_equal(root.type, JSON_OBJECT);
	return root;
}

static void text_is(const struct json *root, const char *name, const char *expected)
{
	struct json value;

	assert_true(json_member(root, name, &value));
	if (!json_string_is(&value, expected))
		fail_msg("%s is %.*s, not %s", name, (int)value.len, value.text, expected);
}

static void number_is(const struct json *root, const char *name, uint64_t expected)
{
	struct json value;
	uint64_t number;

	assert_true(json_member(root, name, &value) && json_u64(&value, UINT64_MAX, &number));
	assert_int_equal(number, expected);
}

static size_t items(const struct json *root, const char *name, struct json *last)
{
	struct json array, item;
	size_t count = 0;

	assert_true(json_member_of(root, name, JSON_ARRAY, &array));
	while (json_item(&array, count, &item)) {
		*last = item;
		count++;
	}
	return count;
}

static void says_all_of_it(void **state)
{
	struct crash_info info = sample("[0.1] a: b\n[0.2] panic: why \"x\\y\"\n[0.3] cut");
	struct json root = written(&info, sizeof(buf)), last;

	(void)state;
	text_is(&root, "id", "00ab12cd");
	text_is(&root, "cause", "stack-overflow");
	number_is(&root, "boots", 7);
	text_is(&root, "slot", "b");
	text_is(&root, "image", "rogue");
	text_is(&root, "version", "2.0.0");
	text_is(&root, "buildId", info.build_id);
	number_is(&root, "uptimeMs", 12345);
	text_is(&root, "thread", "app");
	text_is(&root, "esr", "0x96000047");
	text_is(&root, "elr", "0x40201234");
	text_is(&root, "far", "0x40300ff8");
	text_is(&root, "sp", "0x40301000");
	text_is(&root, "lr", "0x40205678");
	assert_int_equal(items(&root, "pc", &last), 3);
	assert_true(json_string_is(&last, "0xffffffffffffffff"));
	assert_int_equal(items(&root, "lines", &last), 3);
	assert_true(json_string_is(&last, "[0.3] cut"));
}

static void leaves_out_what_it_does_not_know(void **state)
{
	struct crash_info info = sample("");
	struct json root, value, last;

	(void)state;
	info.slot = '\0';
	info.pc_count = 0;
	root = written(&info, sizeof(buf));
	assert_false(json_member(&root, "slot", &value));
	assert_int_equal(items(&root, "pc", &last), 0);
	assert_int_equal(items(&root, "lines", &last), 0);
}

/* Lines of the longest kind, every byte escaped sixfold: the last ones stay. */
static void keeps_the_last_lines_when_it_is_too_long(void **state)
{
	static char text[8192];
	struct crash_info info;
	struct json root, last;

	(void)state;
	memset(text, 1, sizeof(text) - 1);
	for (size_t i = 199; i < sizeof(text) - 20; i += 200)
		text[i] = '\n';
	memcpy(text + sizeof(text) - 6, "\nlast", 6);
	info = sample(text);
	root = written(&info, sizeof(buf));
	assert_true(items(&root, "lines", &last) > 5);
	assert_true(json_string_is(&last, "last"));
}

static void takes_rotten_bytes(void **state)
{
	char text[600];
	struct crash_info info = sample("");
	struct json root, last;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 37 + 128);
	text[100] = '\0';
	info.text = text;
	info.text_bytes = sizeof(text);
	info.cause = "\xff\"\n";
	info.thread = "\xc3";
	root = written(&info, sizeof(buf));
	assert_true(items(&root, "lines", &last) >= 1);
	/* One line without an end, as long as the record. */
	memset(text, 'x', sizeof(text));
	root = written(&info, sizeof(buf));
	assert_int_equal(items(&root, "lines", &last), 1);
	assert_int_equal(last.len, 255);
}

static void says_when_not_even_the_head_fits(void **state)
{
	struct crash_info info = sample("a\nb\n");

	(void)state;
	for (size_t cap = 1; cap < 300; cap++)
		assert_int_equal(crash_json(&info, buf, cap), -OTA_E_TOO_LONG);
}

/* ---- the sender ---- */

static struct {
	bool has;
	int publish_error, published, uploaded;
} fake;

static bool fake_last(void *ctx, struct crash_info *info)
{
	(void)ctx;
	*info = sample("line\n");
	return fake.has;
}

static int fake_uploaded(void *ctx)
{
	(void)ctx;
	fake.uploaded++;
	return 0;
}

static int fake_publish(void *ctx, const char *json, size_t len)
{
	struct json root;

	(void)ctx;
	assert_int_equal(json_parse(json, len, &root), 0);
	fake.published += fake.publish_error == 0;
	return fake.publish_error;
}

static const struct crash_port port = {fake_last, fake_uploaded, fake_publish};

static struct crash started(bool has)
{
	struct crash crash;

	memset(&fake, 0, sizeof(fake));
	fake.has = has;
	crash_init(&crash, &port, NULL);
	return crash;
}

static void accept(struct crash *crash, const char *json)
{
	crash_on_accepted(crash, json, strlen(json));
}

static void sends_nothing_without_a_record(void **state)
{
	struct crash crash = started(false);

	(void)state;
	assert_true(crash_deadline_ms(&crash) == UINT64_MAX);
	crash_poll(&crash);
	assert_int_equal(fake.published, 0);
}

static void ends_with_the_right_id_only(void **state)
{
	static const char *const others[] = {"", "{", "[]", "{}", "{\"id\":null}", "{\"id\":\"00ab12ce\"}",
		"{\"id\":\"AB12CD\"}", "{\"id\":\"00ab12cd0\"}", "{\"id\":11211469}", "{\"id\":[\"00ab12cd\"]}"};
	struct crash crash = started(true);

	(void)state;
	crash_poll(&crash);
	assert_int_equal(fake.published, 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		accept(&crash, others[i]);
	assert_int_equal(fake.uploaded, 0);
	accept(&crash, "{\"id\":\"00ab12cd\",\"more\":1}");
	accept(&crash, "{\"id\":\"00ab12cd\"}");
	assert_int_equal(fake.uploaded, 1);
	assert_true(crash_deadline_ms(&crash) == UINT64_MAX);
	fake_now_ms += 86400000;
	crash_poll(&crash);
	assert_int_equal(fake.published, 1);
}

/* For a day nobody answers. */
static void is_sent_ever_more_rarely(void **state)
{
	struct crash crash = started(true);
	uint64_t begin = fake_now_ms;

	(void)state;
	for (; fake_now_ms < begin + 3600000; fake_now_ms += 1000)
		crash_poll(&crash);
	assert_in_range(fake.published, 4, 8);
	fake.published = 0;
	for (; fake_now_ms < begin + 86400000; fake_now_ms += 1000)
		crash_poll(&crash);
	assert_in_range(fake.published, 11, 24);
}

static void waits_for_room_in_the_queue(void **state)
{
	struct crash crash = started(true);

	(void)state;
	fake.publish_error = -OTA_E_BUSY;
	for (int i = 0; i < 5; i++) {
		crash_poll(&crash);
		assert_true(crash_deadline_ms(&crash) > fake_now_ms);
		fake_now_ms = crash_deadline_ms(&crash);
	}
	fake.publish_error = 0;
	crash_poll(&crash);
	assert_int_equal(fake.published, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_all_of_it),
		cmocka_unit_test(leaves_out_what_it_does_not_know),
		cmocka_unit_test(keeps_the_last_lines_when_it_is_too_long),
		cmocka_unit_test(takes_rotten_bytes),
		cmocka_unit_test(says_when_not_even_the_head_fits),
		cmocka_unit_test(sends_nothing_without_a_record),
		cmocka_unit_test(ends_with_the_right_id_only),
		cmocka_unit_test(is_sent_ever_more_rarely),
		cmocka_unit_test(waits_for_room_in_the_queue),
	};

	return cmocka_run_group_tests_name("agent/crash", tests, NULL, NULL);
}
