/* SPDX-License-Identifier: Apache-2.0 */
/* What the files http*.c share: a request from its first line to its answer. */
#ifndef SKERRYD_HTTP_PRIV_H
#define SKERRYD_HTTP_PRIV_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "ota/verify.h"
#include "shared/file.h"
#include "skerryd/command.h"
#include "skerryd/http.h"
#include "skerryd/principal.h"
#include "skerryd/skerryd.h"

#define HTTP_JSON_MAX    (64u << 10)
#define HTTP_CLAIM_MAX   4096 /* from somebody who has shown nothing yet */
#define HTTP_PAYLOAD_MAX (64u << 20)
#define HTTP_ID_MAX      80

struct http_request;

/* What a handler returns: MHD_YES when it has queued an answer, MHD_NO to close the connection, or: */
#define HTTP_WAIT 2 /* call again when something changed, or time is up */

enum http_body {
	HTTP_BODY_NONE = 1,
	HTTP_BODY_JSON,
	HTTP_BODY_MANIFEST,
	HTTP_BODY_KEYSET,
	HTTP_BODY_PAYLOAD,
	HTTP_BODY_CLAIM
};

struct http_route {
	const char *method, *path; /* a '*' stands for one id, which goes into request->ids, three at most */
	enum http_body body;
	int (*handle)(struct http_request *request);
	enum role role; /* who may, at least */
};
/* Terminated by a zeroed one. */
extern const struct http_route http_status_routes[];
extern const struct http_route http_device_routes[];
extern const struct http_route http_crash_routes[];
extern const struct http_route http_image_routes[];
extern const struct http_route http_job_routes[];
extern const struct http_route http_keyset_routes[];
extern const struct http_route http_telemetry_routes[];
extern const struct http_route http_history_routes[];
extern const struct http_route http_timeline_routes[];
extern const struct http_route http_rollout_routes[];
extern const struct http_route http_metrics_routes[];
extern const struct http_route http_webhook_routes[];
extern const struct http_route http_artifact_routes[];
extern const struct http_route http_web_routes[];
extern const struct http_route http_devices_routes[];
extern const struct http_route http_group_routes[];
extern const struct http_route http_channel_routes[];
extern const struct http_route http_backup_routes[];
extern const struct http_route http_audit_routes[];
extern const struct http_route http_stream_routes[];
extern const struct http_route http_token_routes[];
extern const struct http_route http_openapi_routes[];
extern const struct http_route http_enrolment_routes[];

struct http_request {
	struct http_request *next; /* of those that wait */
	struct http *http;
	struct skerryd *server;
	struct MHD_Connection *connection;
	const struct http_route *route;
	char ids[3][HTTP_ID_MAX];
	const char *id; /* the first */
	struct principal who;
	int64_t begun_us; /* metrics_now_us() */
	bool is_head;
	int refusal; /* HTTP status of an answer that was decided before the body ended; 0: none */
	struct fleet_error why;
	unsigned retry_after_s;  /* with 429 */
	int64_t refusal_wait_ms; /* the refusal comes so much later */
	char allow[40];          /* with 405: the methods that there are */
	/* the body */
	uint8_t *body;
	size_t body_len;
	struct file_draft draft; /* PAYLOAD: it goes to a file, and its digest is taken on the way */
	struct ota_sha256 sha;
	uint64_t draft_bytes;
	/* waiting */
	bool suspended, has_waited;
	unsigned waits_for;  /* enum skerryd_topic */
	int64_t wait_ms;     /* how long it wants to */
	int64_t deadline_ms; /* 0: has not waited yet */
	struct command *command;
	struct backup *backup;
};

struct http_streams;
struct backup;
struct http_streams *http_streams_of(struct http *http);

/* ---- http_body.c: the body's bytes ---- */

/* Make ready for the body that the route takes. Sets refusal. */
void http_body_begin(struct http_request *request);
/* Takes data[len]; sets refusal when it cannot. */
void http_body_add(struct http_request *request, const void *data, size_t len);
/* The body as a JSON object, a new reference; NULL: an answer was queued, return *rc. */
json_t *http_body_json(struct http_request *request, int *rc);
void http_body_free(struct http_request *request);

/* ---- http_reply.c: answers ---- */

/* Takes the reference. NULL: out of memory. */
int http_reply_json(struct http_request *request, unsigned status, json_t *body);
/* Takes the text, which was allocated. */
int http_reply_text(struct http_request *request, unsigned status, const char *type, char *text);
/* A problem document (RFC 9457). */
int http_reply_problem(struct http_request *request, unsigned status, const struct fleet_error *error);
/* The same, with the texts; remedy NULL: none. */
int http_reply_error(struct http_request *request, unsigned status, const char *remedy, const char *cause, ...)
	__attribute__((format(printf, 4, 5)));
/* As http_reply_error(), with a further member `jobId`. */
int http_reply_conflict(struct http_request *request, const char *job, const char *remedy, const char *cause);
/* The database failed: 507 when the disk is full, else 500. */
int http_reply_store(struct http_request *request);
/* A file could not be written, errno says why: 507 when the disk is full, else 500. */
unsigned http_file_status(int number);

/* ---- queries ---- */

const char *http_query(const struct http_request *request, const char *name);
/* A number; missing: 0. False: an answer was queued (MHD_YES), return *rc. */
bool http_query_number(struct http_request *request, const char *name, uint64_t max, int64_t *value, int *rc);
/* `since`, and `wait` for http_wait(). False: an answer was queued, return *rc. */
bool http_query_poll(struct http_request *request, int64_t *since, int *rc);
/* Nothing new yet: HTTP_WAIT until one of `topics` changes if the request's `wait` allows it; else 0: answer as it is. */
int http_wait(struct http_request *request, unsigned topics);
/* Wait at most until `ms` from the first call; 0: time is up. */
int http_wait_ms(struct http_request *request, unsigned topics, int64_t ms);

/* ---- http.c ---- */

/* Open connections, and requests that wait. */
void http_count(const struct http *http, unsigned *connections, unsigned *waiting);

#endif
