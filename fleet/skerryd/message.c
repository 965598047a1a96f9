/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/message.h"

#include <string.h>

#include "shared/text.h"

#define DETAILS_MEMBERS_MAX 32
#define DETAIL_TEXT_MAX     512
#define MESSAGE_NUMBER_MAX  (INT64_C(1) << 53)
#define CRASH_PCS_MAX       64

size_t message_bytes_max(enum topic_kind kind)
{
	switch (kind) {
	case TOPIC_JOB_GET:
	case TOPIC_PRESENCE:
	case TOPIC_CMD_REPLY:
	case TOPIC_TELEMETRY:
		return 1024;
	case TOPIC_CERT_RENEW:
		return 2048;
	case TOPIC_JOB_UPDATE:
		return 8192;
	case TOPIC_REPORT:
		return 16384;
	case TOPIC_CRASH:
		return MESSAGE_CRASH_MAX;
	case TOPIC_LOG:
		return 65536;
	}
	return 0;
}

json_t *message_parse(enum topic_kind kind, const void *data, size_t len)
{
	if (len == 0 || len > message_bytes_max(kind))
		return NULL;
	bool is_any = kind == TOPIC_TELEMETRY;
	json_t *body = json_loadb(data, len, JSON_REJECT_DUPLICATES | (is_any ? JSON_DECODE_ANY : 0), NULL);
	if (is_any || json_is_object(body))
		return body;
	json_decref(body);
	return NULL;
}

/* A member that may be missing. False: it is there, and no text of 1..max bytes. */
static bool optional_text(const json_t *body, const char *name, size_t max, const char **text)
{
	const json_t *value = json_object_get(body, name);
	*text = json_string_value(value);
	return !value || (*text && **text && json_string_length(value) <= max);
}

bool message_token(const json_t *body, const char **token)
{
	return optional_text(body, "clientToken", 64, token);
}

/* A version of a keyset, or `absent`. False: it is there, and none. */
static bool optional_version(const json_t *body, int64_t absent, int64_t *version)
{
	const json_t *value = json_object_get(body, "keyset");
	*version = value ? json_integer_value(value) : absent;
	return !value || (json_is_integer(value) && *version >= 0 && *version <= UINT32_MAX);
}

bool message_get(const json_t *body, struct message_get *get)
{
	return message_token(body, &get->token) && optional_version(body, -1, &get->keyset);
}

static bool details_are_good(const json_t *details)
{
	const char *key;
	json_t *value;
	if (!json_is_object(details) || json_object_size(details) > DETAILS_MEMBERS_MAX)
		return false;
	json_object_foreach((json_t *)(uintptr_t)details, key, value)
	{
		if (strlen(key) > 64 || !(json_is_string(value) || json_is_number(value)))
			return false;
		if (json_is_string(value) && json_string_length(value) > DETAIL_TEXT_MAX)
			return false;
	}
	return json_dumpb(details, NULL, 0, JSON_COMPACT) <= MESSAGE_DETAILS_MAX;
}

bool message_update(const json_t *body, struct message_update *update)
{
	const json_t *version = json_object_get(body, "expectedVersion");
	const char *status = json_string_value(json_object_get(body, "status"));
	*update = (struct message_update){.details = json_object_get(body, "statusDetails")};
	if (!status || !job_status_parse(status, &update->status))
		return false;
	if (version && (!json_is_integer(version) || json_integer_value(version) < 1))
		return false;
	update->expected_version = json_integer_value(version);
	return !update->details || details_are_good(update->details);
}

bool message_presence(const json_t *body, struct message_presence *presence)
{
	const json_t *online = json_object_get(body, "online"), *boot = json_object_get(body, "boot");
	presence->online = json_is_true(online);
	presence->boot = json_integer_value(boot);
	return json_is_boolean(online) &&
	       (!boot || (json_is_integer(boot) && presence->boot >= 0 && presence->boot <= MESSAGE_NUMBER_MAX));
}

/* Optional; printable ASCII, which an operator can read and search for. */
static bool optional_serial(const json_t *body, const char **serial)
{
	if (!optional_text(body, "serial", 64, serial))
		return false;
	for (const char *c = *serial; c && *c; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return true;
}

/* Optional; six bytes as "52:54:00:12:34:56", so that equal ones are equal texts. */
static bool optional_mac(const json_t *body, const char **mac)
{
	if (!optional_text(body, "mac", 17, mac))
		return false;
	for (size_t i = 0; *mac && i < 17; i++)
		if (i % 3 == 2 ? (*mac)[i] != ':' : !(*mac)[i] || !strchr("0123456789abcdef", (*mac)[i]))
			return false;
	return true;
}

bool message_report(const json_t *body, struct store_report *report)
{
	uint8_t digest[32];
	const json_t *heard = json_object_get(body, "heardS");
	*report = (struct store_report){0};
	if ((heard && (!json_is_integer(heard) || json_integer_value(heard) < 0)) ||
		!optional_version(body, 0, &report->keyset) ||
		!optional_text(body, "keysetError", 64, &report->keyset_error))
		return false;
	if (!optional_text(body, "version", 31, &report->version) || !optional_text(body, "slot", 8, &report->slot) ||
		!optional_text(body, "mode", 16, &report->mode) || !optional_text(body, "app", 32, &report->app) ||
		!optional_text(body, "digest", 64, &report->digest))
		return false;
	if (!optional_serial(body, &report->serial) || !optional_mac(body, &report->mac))
		return false;
	return !report->digest || text_unhex(report->digest, digest, sizeof digest);
}

bool message_log(const json_t *body, struct message_log *log)
{
	const json_t *first = json_object_get(body, "first"), *line;
	size_t index;
	log->first = json_integer_value(first);
	log->lines = json_object_get(body, "lines");
	if (!json_is_integer(first) || log->first < 0 || log->first > MESSAGE_NUMBER_MAX)
		return false;
	if (!json_is_array(log->lines) || json_array_size(log->lines) > MESSAGE_LINES_MAX)
		return false;
	json_array_foreach(log->lines, index, line)
	{
		if (!json_is_string(line))
			return false;
	}
	return true;
}

bool message_reply(const json_t *body, struct message_reply *reply)
{
	const json_t *ok = json_object_get(body, "ok");
	reply->ok = json_is_true(ok);
	return json_is_boolean(ok) && optional_text(body, "id", 64, &reply->id) && reply->id &&
	       optional_text(body, "error", 128, &reply->error);
}

/* 0x and 1..16 hex digits. */
static bool is_address(const json_t *value)
{
	const char *text = json_string_value(value);
	if (!text || strncmp(text, "0x", 2) != 0)
		return false;
	size_t digits = strspn(text + 2, "0123456789abcdef");
	return digits >= 1 && digits <= 16 && text[2 + digits] == 0;
}

static bool addresses_are_good(const json_t *body)
{
	static const char *const names[] = {"esr", "elr", "far", "sp", "lr"};
	const json_t *pc = json_object_get(body, "pc"), *value;
	size_t index;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		value = json_object_get(body, names[i]);
		if (value && !is_address(value))
			return false;
	}
	if (!json_is_array(pc) || json_array_size(pc) > CRASH_PCS_MAX)
		return false;
	json_array_foreach(pc, index, value)
	{
		if (!is_address(value))
			return false;
	}
	return true;
}

static bool lines_are_good(const json_t *body)
{
	const json_t *lines = json_object_get(body, "lines"), *line;
	size_t index;
	if (lines && !json_is_array(lines))
		return false;
	json_array_foreach(lines, index, line)
	{
		if (!json_is_string(line))
			return false;
	}
	return true;
}

static bool is_hex(const char *text, size_t digits)
{
	return text && strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

bool message_crash(const json_t *body, struct store_crash *crash)
{
	const json_t *boots = json_object_get(body, "boots"), *uptime = json_object_get(body, "uptimeMs");
	*crash = (struct store_crash){.boots = json_integer_value(boots)};
	if (!optional_text(body, "id", 8, &crash->id) || !is_hex(crash->id, 8) ||
		!optional_text(body, "cause", 32, &crash->cause) || !crash->cause)
		return false;
	if ((boots && !json_is_integer(boots)) || (uptime && !json_is_integer(uptime)))
		return false;
	/* A program that never named itself has an empty name. */
	const char *thread = json_string_value(json_object_get(body, "thread"));
	crash->thread = thread && *thread && strlen(thread) <= 64 ? thread : NULL;
	if (!optional_text(body, "image", 64, &crash->image) || !optional_text(body, "version", 32, &crash->version) ||
		!optional_text(body, "buildId", 64, &crash->build_id))
		return false;
	return addresses_are_good(body) && lines_are_good(body);
}

bool message_telemetry(const json_t *body)
{
	return json_is_number(body) || (json_object_size(body) > 0 && details_are_good(body));
}

const char *message_detail(const json_t *details, const char *name)
{
	const char *text = json_string_value(json_object_get(details, name));
	return text ? text : "";
}
