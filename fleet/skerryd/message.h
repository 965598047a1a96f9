/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that came from a device (SPEC §8) as typed, bounded values. A message that breaks a bound is malformed as a whole. Pure functions.
 */
#ifndef SKERRYD_MESSAGE_H
#define SKERRYD_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "skerryd/job.h"
#include "skerryd/store.h"
#include "skerryd/topic.h"

#define MESSAGE_DETAILS_MAX 2048 /* bytes of statusDetails as JSON */
#define MESSAGE_LINE_MAX    1024 /* bytes of a log line; the rest is cut off */
#define MESSAGE_LINES_MAX   64
#define MESSAGE_CRASH_MAX   16384 /* SPEC §12 */

/* The most bytes that a message of this kind may have. */
size_t message_bytes_max(enum topic_kind kind);
/* data[len] as a JSON object, of TELEMETRY any JSON; NULL: too long, no JSON, no object, a member twice. A new reference. */
json_t *message_parse(enum topic_kind kind, const void *data, size_t len);

/* The members below are borrowed from the body. */

/* clientToken of a request: NULL when there is none. False: it is no text of at most 64 bytes. */
bool message_token(const json_t *body, const char **token);

/* Of `$next/get`. */
struct message_get {
	const char *token; /* NULL: not given */
	int64_t keyset;    /* version that the device holds; -1: not given */
};
bool message_get(const json_t *body, struct message_get *get);

struct message_update {
	enum job_status status;
	int64_t expected_version; /* 0: not given */
	const json_t *details;    /* NULL: not given */
};
bool message_update(const json_t *body, struct message_update *update);

struct message_presence {
	bool online;
	int64_t boot;
};
bool message_presence(const json_t *body, struct message_presence *presence);

/* Not `json`. */
bool message_report(const json_t *body, struct store_report *report);

struct message_log {
	int64_t first;       /* number of the first line, counted by the device since its start */
	const json_t *lines; /* an array of text */
};
bool message_log(const json_t *body, struct message_log *log);

struct message_reply {
	const char *id, *error; /* error: NULL when ok */
	bool ok;
};
bool message_reply(const json_t *body, struct message_reply *reply);

/* Not `json`. */
bool message_crash(const json_t *body, struct store_crash *crash);

/* A number, or an object of numbers and texts without depth. */
bool message_telemetry(const json_t *body);

/* One member of statusDetails as text, "" = none. */
const char *message_detail(const json_t *details, const char *name);

#endif
