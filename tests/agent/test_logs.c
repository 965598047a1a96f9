/* SPDX-License-Identifier: Apache-2.0 */
#include "logs.h"

#include <stdio.h>

#include "fake_platform.h"
#include "json.h"
#include "platform.h"
#include "test.h"

/* A ring that has lost lines 3..9. */
static uint64_t line_count;

static int fake_read(void *ctx, uint64_t *seq, char *buf, size_t cap)
{
	(void)ctx;
	if (*seq >= 3 && *seq < 10)
		*seq = 10;
	if (*seq >= line_count)
		return -1;
	return snprintf(buf, cap, "area: line n=%u", (unsigned int)(*seq)++);
}

static const struct logs_source source = {fake_read, NULL};

static size_t lines_of(const char *text, size_t len, uint64_t *first)
{
	struct json root, value, item;
	size_t count = 0;

	assert_int_equal(json_parse(text, len, &root), 0);
	assert_true(json_member(&root, "first", &value) && json_u64(&value, UINT64_MAX, first));
	assert_true(json_member_of(&root, "lines", JSON_ARRAY, &value));
	while (json_item(&value, count, &item))
		count++;
	return count;
}

static void numbers_lines_across_gaps(void **state)
{
	struct logs logs = {0};
	char buf[LOGS_MESSAGE_MAX];
	uint64_t first, expected[] = {0, 10};
	size_t counts[] = {3, 5};

	(void)state;
	line_count = 15;
	for (int i = 0; i < 2; i++) {
		size_t len = logs_take(&logs, &source, buf);

		assert_int_equal(lines_of(buf, len, &first), counts[i]);
		assert_int_equal(first, expected[i]);
		fake_now_ms = logs_deadline_ms(&logs);
	}
	assert_int_equal(logs_take(&logs, &source, buf), 0);
}

static void is_limited_in_rate_and_size(void **state)
{
	struct logs logs = {.next = 10};
	char buf[LOGS_MESSAGE_MAX];
	uint64_t first, sent = 0, begin = fake_now_ms;

	(void)state;
	line_count = 1000;
	while (fake_now_ms < begin + 10000) {
		size_t len = logs_take(&logs, &source, buf);

		assert_true(len < sizeof(buf));
		if (len > 0)
			sent += lines_of(buf, len, &first);
		fake_now_ms += 10;
	}
	assert_true(sent > 100 && sent <= 16 * 41);
}

/* Line by line, a message each second: what comes meanwhile waits for the next. Before a reset nothing waits. */
static void gathers_lines(void **state)
{
	struct logs logs = {.next = 10};
	char buf[LOGS_MESSAGE_MAX];
	uint64_t first, messages = 0, lines = 0, begin = fake_now_ms;

	(void)state;
	for (line_count = 10; fake_now_ms < begin + 9500; fake_now_ms += 100) {
		size_t len = logs_take(&logs, &source, buf);

		lines += len > 0 ? lines_of(buf, len, &first) : 0;
		messages += len > 0;
		line_count++;
	}
	assert_true(lines >= 85 && messages <= 10);
	assert_int_equal(logs_take(&logs, &source, buf), 0);
	logs_hurry(&logs);
	assert_int_equal(lines_of(buf, logs_take(&logs, &source, buf), &first), line_count - 10 - lines);
}

static int ugly_read(void *ctx, uint64_t *seq, char *buf, size_t cap)
{
	(void)ctx;
	memset(buf, 0x01, cap - 1);
	buf[cap - 1] = '\0';
	(*seq)++;
	return (int)cap - 1;
}

/* Six bytes for each: the longest that a line can become. */
static void takes_lines_of_control_characters(void **state)
{
	const struct logs_source ugly = {ugly_read, NULL};
	struct logs logs = {0};
	char buf[LOGS_MESSAGE_MAX];
	uint64_t first;
	size_t len = logs_take(&logs, &ugly, buf);

	(void)state;
	assert_true(len > 0);
	assert_int_equal(lines_of(buf, len, &first), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_lines_across_gaps),
		cmocka_unit_test(is_limited_in_rate_and_size),
		cmocka_unit_test(gathers_lines),
		cmocka_unit_test(takes_lines_of_control_characters),
	};

	return cmocka_run_group_tests_name("agent/logs", tests, NULL, NULL);
}
