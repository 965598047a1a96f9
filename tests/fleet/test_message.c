/* SPDX-License-Identifier: Apache-2.0 */
/* What a device may say, and the bounds. */
#include "skerryd/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static json_t *body_of(enum topic_kind kind, const char *text)
{
	return message_parse(kind, text, strlen(text));
}

/* Parsed as a message of this kind: well-formed? */
static bool takes(enum topic_kind kind, const char *text)
{
	struct message_update update;
	struct message_presence presence;
	struct message_reply reply;
	struct message_log log;
	struct store_report report;
	struct store_crash crash;
	const char *token;
	json_t *body = body_of(kind, text);
	bool good = false;
	if (!body)
		return false;
	if (kind == TOPIC_JOB_GET)
		good = message_token(body, &token);
	else if (kind == TOPIC_JOB_UPDATE)
		good = message_token(body, &token) && message_update(body, &update);
	else if (kind == TOPIC_PRESENCE)
		good = message_presence(body, &presence);
	else if (kind == TOPIC_REPORT)
		good = message_report(body, &report);
	else if (kind == TOPIC_LOG)
		good = message_log(body, &log);
	else if (kind == TOPIC_CMD_REPLY)
		good = message_reply(body, &reply);
	else if (kind == TOPIC_CRASH)
		good = message_crash(body, &crash);
	else if (kind == TOPIC_TELEMETRY)
		good = message_telemetry(body);
	json_decref(body);
	return good;
}

#define CRASH(id, more) "{\"id\":\"" id "\",\"cause\":\"fault\",\"pc\":[\"0x40200000\"]" more "}"

static const struct {
	enum topic_kind kind;
	bool good;
	const char *text;
} rows[] = {
	{TOPIC_JOB_GET, true, "{}"},
	{TOPIC_JOB_GET, true, "{\"clientToken\":\"a-1\"}"},
	{TOPIC_JOB_GET, false, "{\"clientToken\":1}"},
	{TOPIC_JOB_GET, false, "{\"clientToken\":\"\"}"},
	{TOPIC_JOB_GET, false, "{\"clientToken\":\"a\",\"clientToken\":\"b\"}"},
	{TOPIC_JOB_GET, false, ""},
	{TOPIC_JOB_GET, false, "{"},
	{TOPIC_JOB_GET, false, "[]"},
	{TOPIC_JOB_GET, false, "null"},
	{TOPIC_JOB_GET, false, "{} {}"},
	{TOPIC_JOB_GET, false, "{\"a\":\"\xff\"}"},
	{TOPIC_JOB_GET, false, "{\"a\":\"\\u0000\"}"},
	{TOPIC_JOB_UPDATE, true, "{\"status\":\"IN_PROGRESS\"}"},
	{TOPIC_JOB_UPDATE, true,
		"{\"status\":\"FAILED\",\"expectedVersion\":7,\"statusDetails\":{\"step\":\"trial\",\"bytes\":1}}"},
	{TOPIC_JOB_UPDATE, false, "{}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":1}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"DONE\"}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"FAILED\",\"expectedVersion\":\"7\"}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"FAILED\",\"expectedVersion\":0}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"FAILED\",\"expectedVersion\":-1}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"FAILED\",\"expectedVersion\":1.5}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"FAILED\",\"expectedVersion\":99999999999999999999}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"FAILED\",\"statusDetails\":[]}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"FAILED\",\"statusDetails\":{\"a\":{}}}"},
	{TOPIC_JOB_UPDATE, false, "{\"status\":\"FAILED\",\"statusDetails\":{\"a\":null}}"},
	{TOPIC_CRASH, true, CRASH("0123abcd", "")},
	{TOPIC_CRASH, true,
		CRASH("0123abcd",
			",\"lr\":\"0xffffffffffffffff\",\"lines\":[\"a\",\"b\"],\"boots\":7,\"thread\":\"\"")},
	{TOPIC_TELEMETRY, true, "21.5"},
	{TOPIC_TELEMETRY, true, "-3"},
	{TOPIC_TELEMETRY, true, "{\"temperature\":21.5,\"unit\":\"C\"}"},
	{TOPIC_TELEMETRY, false, ""},
	{TOPIC_TELEMETRY, false, "{}"},
	{TOPIC_TELEMETRY, false, "null"},
	{TOPIC_TELEMETRY, false, "true"},
	{TOPIC_TELEMETRY, false, "\"21.5\""},
	{TOPIC_TELEMETRY, false, "[1,2]"},
	{TOPIC_TELEMETRY, false, "21.5 C"},
	{TOPIC_TELEMETRY, false, "NaN"},
	{TOPIC_TELEMETRY, false, "1e999"},
	{TOPIC_TELEMETRY, false, "{\"a\":{\"b\":1}}"},
	{TOPIC_TELEMETRY, false, "{\"a\":null}"},
	{TOPIC_TELEMETRY, false, "{\"a\":1,\"a\":2}"},
	{TOPIC_CRASH, false, "{}"},
	{TOPIC_CRASH, false, "{\"id\":\"0123abcd\",\"cause\":\"fault\"}"},
	{TOPIC_CRASH, false, "{\"id\":\"0123abcd\",\"pc\":[]}"},
	{TOPIC_CRASH, false, CRASH("0123ABCD", "")},
	{TOPIC_CRASH, false, CRASH("0123abc", "")},
	{TOPIC_CRASH, false, CRASH("../../..", "")},
	{TOPIC_CRASH, false, CRASH("0123abcd", ",\"lr\":\"0x\"")},
	{TOPIC_CRASH, false, CRASH("0123abcd", ",\"lr\":\"0x12345678123456789\"")},
	{TOPIC_CRASH, false, CRASH("0123abcd", ",\"lr\":12")},
	{TOPIC_CRASH, false, CRASH("0123abcd", ",\"lines\":[1]")},
	{TOPIC_CRASH, false, CRASH("0123abcd", ",\"lines\":{}")},
	{TOPIC_CRASH, false, CRASH("0123abcd", ",\"boots\":\"7\"")},
	{TOPIC_CRASH, false, CRASH("0123abcd", ",\"version\":\"123456789012345678901234567890123\"")},
	{TOPIC_PRESENCE, true, "{\"online\":true,\"boot\":3}"},
	{TOPIC_PRESENCE, true, "{\"online\":false}"},
	{TOPIC_PRESENCE, false, "{\"online\":\"yes\"}"},
	{TOPIC_PRESENCE, false, "{\"boot\":3}"},
	{TOPIC_PRESENCE, false, "{\"online\":true,\"boot\":-3}"},
	{TOPIC_PRESENCE, false, "{\"online\":true,\"boot\":\"3\"}"},
	{TOPIC_REPORT, true, "{}"},
	{TOPIC_REPORT, true,
		"{\"version\":\"1.2.3\",\"digest\":\"" DIGEST
		"\",\"slot\":\"a\",\"mode\":\"trial\",\"more\":{\"x\":[1]}}"},
	{TOPIC_REPORT, false, "{\"digest\":\"zz\"}"},
	{TOPIC_REPORT, true, "{\"serial\":\"10000000a1b2c3d4\",\"mac\":\"52:54:00:12:34:56\"}"},
	{TOPIC_REPORT, true, "{\"serial\":\"No. 7 ~\"}"},
	{TOPIC_REPORT, true, "{\"serial\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"},
	{TOPIC_REPORT, false, "{\"serial\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"},
	{TOPIC_REPORT, false, "{\"serial\":\"\"}"},
	{TOPIC_REPORT, false, "{\"serial\":7}"},
	{TOPIC_REPORT, false, "{\"serial\":null}"},
	{TOPIC_REPORT, false, "{\"serial\":\"a\\u001b[31m\"}"},
	{TOPIC_REPORT, false, "{\"serial\":\"a\\n\"}"},
	{TOPIC_REPORT, false, "{\"serial\":\"ä\"}"},
	{TOPIC_REPORT, false, "{\"serial\":\"a\\u0000b\"}"},
	{TOPIC_REPORT, false, "{\"mac\":\"52:54:00:12:34\"}"},
	{TOPIC_REPORT, false, "{\"mac\":\"52:54:00:12:34:5G\"}"},
	{TOPIC_REPORT, false, "{\"mac\":\"52:54:00:12:34:5A\"}"},
	{TOPIC_REPORT, false, "{\"mac\":\"52-54-00-12-34-56\"}"},
	{TOPIC_REPORT, false, "{\"mac\":\"52:54:00:12:34:56:78\"}"},
	{TOPIC_REPORT, false, "{\"mac\":[82]}"},
	{TOPIC_REPORT, false, "{\"mac\":\"52:54:00:12:34:5\\u0000\"}"},
	{TOPIC_REPORT, false, "{\"digest\":\"" DIGEST "00\"}"},
	{TOPIC_REPORT, false, "{\"digest\":1}"},
	{TOPIC_REPORT, false, "{\"version\":\"12345678901234567890123456789012\"}"},
	{TOPIC_REPORT, false, "{\"slot\":\"\"}"},
	{TOPIC_LOG, true, "{\"first\":0,\"lines\":[\"a\",\"b\"]}"},
	{TOPIC_LOG, true, "{\"first\":9,\"lines\":[]}"},
	{TOPIC_LOG, false, "{\"lines\":[\"a\"]}"},
	{TOPIC_LOG, false, "{\"first\":-1,\"lines\":[\"a\"]}"},
	{TOPIC_LOG, false, "{\"first\":1e99,\"lines\":[\"a\"]}"},
	{TOPIC_LOG, false, "{\"first\":9223372036854775807,\"lines\":[\"a\"]}"},
	{TOPIC_LOG, false, "{\"first\":0,\"lines\":\"a\"}"},
	{TOPIC_LOG, false, "{\"first\":0,\"lines\":[1]}"},
	{TOPIC_CMD_REPLY, true, "{\"id\":\"x\",\"ok\":true}"},
	{TOPIC_CMD_REPLY, true, "{\"id\":\"x\",\"ok\":false,\"error\":\"E_BUSY\"}"},
	{TOPIC_CMD_REPLY, false, "{\"id\":\"x\",\"ok\":\"maybe\"}"},
	{TOPIC_CMD_REPLY, false, "{\"ok\":true}"},
	{TOPIC_CMD_REPLY, false, "{\"id\":\"x\",\"ok\":false,\"error\":7}"},
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (takes(rows[i].kind, rows[i].text) != rows[i].good)
			fail_msg("%s", rows[i].text);
}

/* head + `count` times `piece` + tail */
static char *build(const char *head, const char *piece, size_t count, const char *tail)
{
	char *text = malloc(strlen(head) + count * strlen(piece) + strlen(tail) + 1);
	assert_non_null(text);
	strcpy(text, head);
	char *at = text + strlen(text);
	for (size_t i = 0; i < count; i++, at += strlen(piece))
		strcpy(at, piece);
	strcpy(at, tail);
	return text;
}

static void expect_bound(enum topic_kind kind, char *text, bool good)
{
	assert_int_equal(takes(kind, text), good);
	free(text);
}

static void bounds(void **state)
{
	(void)state;
	expect_bound(TOPIC_JOB_GET, build("{\"clientToken\":\"", "t", 64, "\"}"), true);
	expect_bound(TOPIC_JOB_GET, build("{\"clientToken\":\"", "t", 65, "\"}"), false);
	expect_bound(TOPIC_JOB_GET, build("{\"a\":\"", "x", 1100, "\"}"), false);
	expect_bound(
		TOPIC_JOB_UPDATE, build("{\"status\":\"FAILED\",\"statusDetails\":{\"a\":\"", "x", 512, "\"}}"), true);
	expect_bound(
		TOPIC_JOB_UPDATE, build("{\"status\":\"FAILED\",\"statusDetails\":{\"a\":\"", "x", 513, "\"}}"), false);
	expect_bound(TOPIC_JOB_UPDATE, build("{\"status\":\"FAILED\",\"statusDetails\":{\"", "k", 65, "\":1}}"), false);
	expect_bound(TOPIC_LOG, build("{\"first\":0,\"lines\":[\"\"", ",\"\"", MESSAGE_LINES_MAX - 1, "]}"), true);
	expect_bound(TOPIC_LOG, build("{\"first\":0,\"lines\":[\"\"", ",\"\"", MESSAGE_LINES_MAX, "]}"), false);
	expect_bound(TOPIC_LOG, build("{\"first\":0,\"lines\":[\"", "x", 65536, "\"]}"), false);
	/* Depth is the parser's to bound; it must not be the stack's. */
	expect_bound(TOPIC_LOG, build("", "[", 60000, ""), false);
	expect_bound(TOPIC_LOG, build("{\"a\":", "{\"a\":", 10000, "1"), false);
}

static void details_in_all(void **state)
{
	char text[8192];
	size_t len;
	(void)state;
	/* 33 members; and 32 that are too long together. */
	len = (size_t)sprintf(text, "{\"status\":\"FAILED\",\"statusDetails\":{\"m\":1");
	for (int i = 0; i < 32; i++)
		len += (size_t)sprintf(text + len, ",\"m%d\":%d", i, i);
	strcpy(text + len, "}}");
	assert_false(takes(TOPIC_JOB_UPDATE, text));
	len = (size_t)sprintf(text, "{\"status\":\"FAILED\",\"statusDetails\":{\"m\":1");
	for (int i = 0; i < 20; i++)
		len += (size_t)sprintf(text + len, ",\"m%d\":\"%0100d\"", i, i);
	strcpy(text + len, "}}");
	assert_false(takes(TOPIC_JOB_UPDATE, text));
}

static void values(void **state)
{
	struct message_update update;
	json_t *body = body_of(TOPIC_JOB_UPDATE,
		"{\"status\":\"REJECTED\",\"expectedVersion\":12,\"statusDetails\":{\"error\":\"E_SIG\"}}");
	(void)state;
	assert_true(message_update(body, &update));
	assert_int_equal(update.status, JOB_REJECTED);
	assert_int_equal(update.expected_version, 12);
	assert_string_equal(message_detail(update.details, "error"), "E_SIG");
	assert_string_equal(message_detail(update.details, "step"), "");
	json_decref(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(bounds),
		cmocka_unit_test(details_in_all),
		cmocka_unit_test(values),
	};
	return cmocka_run_group_tests_name("fleet/message", tests, NULL, NULL);
}
