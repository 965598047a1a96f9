/* SPDX-License-Identifier: Apache-2.0 */
/* What devices tell skerryd. First line of the input: the topic below the prefix; the rest: the message. */
#include <jansson.h>

#include "fuzz.h"
#include "shared/text.h"
#include "skerryd/enrol.h"
#include "skerryd/message.h"
#include "skerryd/topic.h"

#define PREFIX "skerry/things"

static void update_check(const json_t *body)
{
	struct message_update update;

	if (!message_update(body, &update))
		return;
	FUZZ_MUST(update.expected_version >= 0 && update.status <= JOB_CANCELED);
	FUZZ_MUST(!update.details || json_dumpb(update.details, NULL, 0, JSON_COMPACT) <= MESSAGE_DETAILS_MAX);
	FUZZ_MUST(strlen(message_detail(update.details, "step")) <= 512);
}

static void report_check(const json_t *body)
{
	struct store_report report;

	if (!message_report(body, &report))
		return;
	FUZZ_MUST(!report.version || strlen(report.version) - 1 < 31);
	FUZZ_MUST(!report.digest || strlen(report.digest) == 64);
	FUZZ_MUST(!report.slot || strlen(report.slot) - 1 < 8);
	FUZZ_MUST(!report.mode || strlen(report.mode) - 1 < 16);
}

static void log_check(const json_t *body)
{
	struct message_log log;

	if (!message_log(body, &log))
		return;
	FUZZ_MUST(json_array_size(log.lines) <= MESSAGE_LINES_MAX);
	for (size_t i = 0; i < json_array_size(log.lines); i++)
		FUZZ_MUST(json_string_value(json_array_get(log.lines, i)));
}

static void crash_check(const json_t *body)
{
	struct store_crash crash = {0};
	const json_t *pc = json_object_get(body, "pc"), *address;
	size_t index;

	if (!message_crash(body, &crash))
		return;
	FUZZ_MUST(strlen(crash.id) == 8 && strspn(crash.id, "0123456789abcdef") == 8);
	FUZZ_MUST(strlen(crash.cause) - 1 < 32 && (!crash.thread || strlen(crash.thread) - 1 < 64));
	json_array_foreach(pc, index, address)
	{
		FUZZ_MUST(strncmp(json_string_value(address), "0x", 2) == 0);
	}
}

/* What is kept of it is written anew. */
static void telemetry_check(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	json_t *again = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	FUZZ_MUST(again && json_equal(again, value));
	json_decref(again);
	free(text);
}

/* What it says stays within the buffer that a request for a certificate has. */
static void renewal_check(const json_t *body)
{
	uint8_t csr[ENROL_CSR_MAX];
	const char *text = json_string_value(json_object_get(body, "csr"));
	long len = text ? text_unbase64url(text, csr, sizeof(csr)) : -1;

	FUZZ_MUST(len <= (long)sizeof(csr) && (len < 0 || (size_t)len <= strlen(text)));
}

static void body_check(enum topic_kind kind, const json_t *body)
{
	struct message_presence presence;
	struct message_reply reply;
	const char *token;

	switch (kind) {
	case TOPIC_JOB_GET:
		if (message_token(body, &token))
			FUZZ_MUST(!token || strlen(token) - 1 < 64);
		break;
	case TOPIC_JOB_UPDATE:
		update_check(body);
		break;
	case TOPIC_REPORT:
		report_check(body);
		break;
	case TOPIC_PRESENCE:
		if (message_presence(body, &presence))
			FUZZ_MUST(presence.boot >= 0);
		break;
	case TOPIC_LOG:
		log_check(body);
		break;
	case TOPIC_CRASH:
		crash_check(body);
		break;
	case TOPIC_CMD_REPLY:
		if (message_reply(body, &reply))
			FUZZ_MUST(strlen(reply.id) - 1 < 64 && (!reply.error || strlen(reply.error) - 1 < 128));
		break;
	case TOPIC_TELEMETRY:
		telemetry_check(body);
		break;
	case TOPIC_CERT_RENEW:
		renewal_check(body);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	char *text = fuzz_rest(&in, true), *end = strchr(text, '\n');
	char name[TOPIC_MAX];
	struct topic topic = {0};
	json_t *body;

	if (end) {
		*end = '\0';
		/* Both with and without a prefix in front. */
		(void)snprintf(name, sizeof(name), "%s/%s", PREFIX, text);
		if (topic_parse(PREFIX, text, &topic))
			FUZZ_MUST(strncmp(text, PREFIX "/", sizeof(PREFIX)) == 0);
		if (topic_parse(PREFIX, name, &topic)) {
			FUZZ_MUST(text_is_id(topic.device));
			FUZZ_MUST((topic.kind == TOPIC_JOB_UPDATE) == (topic.job[0] != '\0'));
			FUZZ_MUST(topic.kind != TOPIC_JOB_UPDATE || text_is_id(topic.job));
			FUZZ_MUST(topic.kind != TOPIC_TELEMETRY || text_is_name(topic.name));
			body = message_parse(topic.kind, end + 1, len - (size_t)(end + 1 - text));
			if (body)
				body_check(topic.kind, body);
			json_decref(body);
		}
	}
	free(text);
	return 0;
}
