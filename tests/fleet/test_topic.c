/* SPDX-License-Identifier: Apache-2.0 */
/* Topics, taken apart. */
#include "skerryd/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void good(void **state)
{
	static const struct {
		const char *prefix, *text;
		enum topic_kind kind;
		const char *device, *job;
	} rows[] = {
		{"skerry/things", "skerry/things/dev-1/report", TOPIC_REPORT, "dev-1", ""},
		{"skerry/things", "skerry/things/dev-1/presence", TOPIC_PRESENCE, "dev-1", ""},
		{"skerry/things", "skerry/things/dev-1/log", TOPIC_LOG, "dev-1", ""},
		{"skerry/things", "skerry/things/dev-1/cmd/reply", TOPIC_CMD_REPLY, "dev-1", ""},
		{"skerry/things", "skerry/things/dev-1/jobs/$next/get", TOPIC_JOB_GET, "dev-1", ""},
		{"skerry/things", "skerry/things/dev-1/jobs/j_1/update", TOPIC_JOB_UPDATE, "dev-1", "j_1"},
		{"skerry/things", "skerry/things/dev-1/crash", TOPIC_CRASH, "dev-1", ""},
		{"skerry/things", "skerry/things/dev-1/telemetry/room.temp", TOPIC_TELEMETRY, "dev-1", ""},
		{"$aws/things", "$aws/things/x/jobs/y/update", TOPIC_JOB_UPDATE, "x", "y"},
		{"p", "p/" ID64 "/jobs/" ID64 "/update", TOPIC_JOB_UPDATE, ID64, ID64},
		{"p", "p/report/report", TOPIC_REPORT, "report", ""},
	};
	struct topic topic;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!topic_parse(rows[i].prefix, rows[i].text, &topic))
			fail_msg("%s", rows[i].text);
		assert_int_equal(topic.kind, rows[i].kind);
		assert_string_equal(topic.device, rows[i].device);
		assert_string_equal(topic.job, rows[i].job);
	}
}

static void bad(void **state)
{
	static const char *const texts[] = {
		"",
		"/",
		"p",
		"p/",
		"p//report",
		"p/x",
		"p/x/",
		"p/x/reports",
		"p/x/report/",
		"px/x/report",
		"q/x/report",
		"p/a.b/report",
		"p/a b/report",
		"p/\xc3\xa9/report",
		"p/+/report",
		"p/#",
		"p/x/jobs",
		"p/x/jobs/",
		"p/x/jobs/j",
		"p/x/jobs/j/get",
		"p/x/jobs//update",
		"p/x/jobs/$next/update",
		"p/x/jobs/j/update/accepted",
		"p/x/jobs/a.b/update",
		"p/x/jobs/a/b/update",
		"p/x/telemetry",
		"p/x/telemetry/",
		"p/x/telemetry/a/b",
		"p/x/telemetry/a b",
		"p/x/telemetry/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"p/x/cmd",
		"p/x/jobs/notify-next",
		"p/x/jobs/$next/get/accepted",
		"p/" ID64 "a/report",
		"p/x/jobs/" ID64 "a/update",
	};
	struct topic topic;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (topic_parse("p", texts[i], &topic))
			fail_msg("'%s' was taken", texts[i]);
}

/* What is subscribed to is what can be taken apart. */
static void filters(void **state)
{
	(void)state;
	for (size_t i = 0; i < TOPIC_FILTERS; i++) {
		char text[128], *at = text;
		struct topic topic;
		snprintf(text, sizeof text, "p/");
		at += 2;
		for (const char *from = topic_filters[i]; *from; from++)
			*at++ = *from == '+' ? 'x' : *from;
		*at = 0;
		if (!topic_parse("p", text, &topic))
			fail_msg("%s", text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(filters)};
	return cmocka_run_group_tests_name("fleet/topic", tests, NULL, NULL);
}
