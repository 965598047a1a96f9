/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/topic.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shared/text.h"

const char *const topic_filters[TOPIC_FILTERS] = {"+/jobs/$next/get", "+/jobs/+/update", "+/report", "+/presence",
	"+/log", "+/cmd/reply", "+/crash", "+/telemetry/+", "+/cert/renew"};

static const struct {
	const char *tail;
	enum topic_kind kind;
} plain[] = {
	{"jobs/$next/get", TOPIC_JOB_GET},
	{"report", TOPIC_REPORT},
	{"presence", TOPIC_PRESENCE},
	{"log", TOPIC_LOG},
	{"cmd/reply", TOPIC_CMD_REPLY},
	{"crash", TOPIC_CRASH},
	{"cert/renew", TOPIC_CERT_RENEW},
};

/* Copy text[len] if it is an id. */
static bool take_id(const char *text, size_t len, char out[65])
{
	if (len > 64)
		return false;
	memcpy(out, text, len);
	out[len] = 0;
	return text_is_id(out);
}

bool topic_parse(const char *prefix, const char *text, struct topic *topic)
{
	size_t len = strlen(prefix);
	if (strncmp(text, prefix, len) != 0 || text[len] != '/')
		return false;
	const char *device = text + len + 1, *slash = strchr(device, '/');
	if (!slash || !take_id(device, (size_t)(slash - device), topic->device))
		return false;
	const char *tail = slash + 1;
	topic->job[0] = topic->name[0] = 0;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (strcmp(tail, plain[i].tail) == 0) {
			topic->kind = plain[i].kind;
			return true;
		}
	if (strncmp(tail, "telemetry/", 10) == 0) {
		topic->kind = TOPIC_TELEMETRY;
		snprintf(topic->name, sizeof topic->name, "%s", tail + 10);
		return text_is_name(tail + 10);
	}
	if (strncmp(tail, "jobs/", 5) != 0)
		return false;
	const char *job = tail + 5, *end = strchr(job, '/');
	topic->kind = TOPIC_JOB_UPDATE;
	return end && strcmp(end, "/update") == 0 && take_id(job, (size_t)(end - job), topic->job);
}

const char *topic_kind_name(enum topic_kind kind)
{
	static const char *const names[TOPIC_KINDS + 1] = {"other", "job-get", "job-update", "report", "presence",
		"log", "cmd-reply", "crash", "telemetry", "cert-renew"};
	return (unsigned)kind <= TOPIC_KINDS ? names[kind] : names[0];
}
