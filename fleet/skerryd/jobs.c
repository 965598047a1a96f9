/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/assignment.h"
#include "shared/text.h"
#include "skerryd/homeassistant.h"
#include "skerryd/note.h"
#include "skerryd/rollouts.h"

/* SPEC §8 says 24 KiB; the assignment comes into it when the document is sent, and takes this much as base64url; and `reset`, a few. */
#define ASSIGNMENT_TEXT_MAX (OTA_ASSIGNMENT_BYTES_MAX * 4 / 3 + 64)
#define DOCUMENT_MAX        (24576 - ASSIGNMENT_TEXT_MAX)

#define RINGS_A_TICK 256 /* then messages have their turn */

/* ---- events ---- */

static const char *event_kind(enum job_status status)
{
	switch (status) {
	case JOB_QUEUED:
		return "job-created";
	case JOB_IN_PROGRESS:
		return "job-progress";
	default:
		return "job-ended";
	}
}

/* How a job ended is what went wrong last with its device, or that all is well again. */
static int note_outcome(struct skerryd *server, const struct store_job *job, const json_t *details)
{
	char text[200];
	const char *step = message_detail(details, "step"), *error = message_detail(details, "error");
	if (job_is_open(job->status) || job->status == JOB_CANCELED)
		return 0;
	snprintf(text, sizeof text, "update to %s: %s%s%.60s%s%.60s", *job->version ? job->version : "an image",
		job_status_name(job->status), *step ? ", " : "", step, *error ? ", " : "", error);
	return store_device_error_put(server->store, job->device, job->status == JOB_SUCCEEDED ? NULL : text);
}

static int job_event(struct skerryd *server, const struct store_job *job, const json_t *details)
{
	char text[400];
	if (note_outcome(server, job, details) < 0)
		return -1;
	const char *step = message_detail(details, "step"), *error = message_detail(details, "error"),
		   *reason = message_detail(details, "reason");
	snprintf(text, sizeof text, "%s: %s%s%s%s%.60s%s%.60s%s%.60s", job->device, job_status_name(job->status),
		*job->version ? ", version " : "", job->version, *step ? ", " : "", step, *reason ? ", " : "", reason,
		*error ? ", " : "", error);
	server->changed |= CHANGED_JOB;
	return skerryd_event(server, &(struct store_event){.kind = event_kind(job->status),
					     .device = job->device,
					     .job = job->id,
					     .text = text,
					     .details = job->details,
					     .rollout = *job->rollout ? job->rollout : NULL});
}

/* ---- making and ending ---- */

static json_t *own_urls(const struct skerryd *server, const char *digest)
{
	char url[300];
	snprintf(url, sizeof url, "%s/%s.fit", server->settings.artifact_url, digest);
	return json_pack("[s]", url);
}

/* The job document; NULL: out of memory. */
static char *make_document(
	const struct skerryd *server, const struct job_order *order, const uint8_t *manifest, size_t len)
{
	char *base64 = text_base64url(manifest, len);
	json_t *urls = order->urls ? json_deep_copy(order->urls) : own_urls(server, order->digest);
	json_t *document =
		json_pack("{s:s, s:s, s:o}", "op", "install", "manifest", base64 ? base64 : "", "urls", urls);
	if (document && order->retry)
		json_object_set_new(document, "retry", json_true());
	if (document && order->trial_s)
		json_object_set_new(document, "trialSeconds", json_integer(order->trial_s));
	char *text = document && base64 ? json_dumps(document, JSON_COMPACT) : NULL;
	json_decref(document);
	free(base64);
	return text;
}

static enum jobs_outcome add_job(struct skerryd *server, const struct store_job *job, char id[65])
{
	struct store_job open;
	int rc = store_job_next(server->store, job->device, &open);
	if (rc == 0) {
		memcpy(id, open.id, sizeof open.id);
		store_job_free(&open);
		return JOBS_BUSY;
	}
	if (rc < 0 || store_job_add(server->store, job) != 0 || job_event(server, job, NULL) < 0)
		return JOBS_FAILED;
	memcpy(id, job->id, sizeof job->id);
	bell_start(&server->bells, job->device, note_now_ms());
	return JOBS_DONE;
}

enum jobs_outcome jobs_create(struct skerryd *server, const struct job_order *order, char id[65])
{
	struct store_device device;
	struct store_job job = {
		.status = JOB_QUEUED, .version_number = 1, .queued_at = note_now(), .updated_at = note_now()};
	uint8_t *manifest;
	size_t len;
	char none[] = "{}";
	int rc = store_device_get(server->store, order->device, &device);
	if (rc)
		return rc < 0 ? JOBS_FAILED : JOBS_NO_DEVICE;
	if (strcmp(device.state, "active") != 0)
		return JOBS_NO_DEVICE;
	rc = store_manifest_get(server->store, order->digest, &manifest, &len, job.version);
	if (rc)
		return rc < 0 ? JOBS_FAILED : JOBS_NO_IMAGE;
	note_random_id(job.id, 17);
	snprintf(job.device, sizeof job.device, "%s", order->device);
	snprintf(job.digest, sizeof job.digest, "%s", order->digest);
	snprintf(job.rollout, sizeof job.rollout, "%s", order->rollout ? order->rollout : "");
	job.details = none;
	job.document = make_document(server, order, manifest, len);
	free(manifest);
	enum jobs_outcome outcome = JOBS_FAILED;
	if (job.document && strlen(job.document) > DOCUMENT_MAX)
		outcome = JOBS_TOO_LONG;
	else if (job.document)
		outcome = add_job(server, &job, id);
	free(job.document);
	return outcome;
}

/* The server ends it; the device is told by the doorbell that another job, or none, is next. */
static int end_job(struct skerryd *server, struct store_job *job, enum job_status status)
{
	job->status = status;
	job->version_number++;
	job->updated_at = note_now();
	if (store_job_put(server->store, job) < 0 || job_event(server, job, NULL) < 0)
		return -1;
	bell_start(&server->bells, job->device, note_now_ms());
	return 0;
}

enum jobs_outcome jobs_cancel(struct skerryd *server, const char *id)
{
	struct store_job job;
	int rc = store_job_get(server->store, id, &job);
	if (rc)
		return rc < 0 ? JOBS_FAILED : JOBS_NONE;
	enum jobs_outcome outcome = JOBS_ENDED;
	if (job_is_open(job.status))
		outcome = end_job(server, &job, JOB_CANCELED) < 0 || rollouts_on_job(server, &job) < 0 ? JOBS_FAILED
												       : JOBS_DONE;
	store_job_free(&job);
	return outcome;
}

int jobs_withdraw(struct skerryd *server, const char *id)
{
	struct store_job job;
	int rc = store_job_get(server->store, id, &job);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (job_is_open(job.status))
		rc = end_job(server, &job, JOB_CANCELED);
	store_job_free(&job);
	return rc;
}

int jobs_fulfil(struct skerryd *server, const char *id)
{
	struct store_job job;
	int rc = store_job_get(server->store, id, &job);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (job.status == JOB_QUEUED)
		rc = end_job(server, &job, JOB_SUCCEEDED);
	store_job_free(&job);
	return rc;
}

int jobs_release(struct skerryd *server, const char *id)
{
	struct store_job job;
	int rc = store_job_get(server->store, id, &job);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (job_is_open(job.status)) {
		job.updated_at = note_now();
		rc = store_job_put(server->store, &job);
		bell_start(&server->bells, job.device, note_now_ms());
	}
	store_job_free(&job);
	return rc;
}

bool job_is_held(const struct store_job *job)
{
	json_t *details = json_loads(job->details, 0, NULL);
	bool held = strcmp(message_detail(details, "step"), "hold") == 0;
	json_decref(details);
	return held;
}

/* ---- $next/get and the doorbell ---- */

static json_t *execution_json(const struct store_job *job)
{
	return json_pack("{s:s, s:s, s:I, s:i, s:I, s:I, s:o*, s:o*}", "jobId", job->id, "status",
		job_status_name(job->status), "versionNumber", (json_int_t)job->version_number, "executionNumber", 1,
		"queuedAt", (json_int_t)job->queued_at, "lastUpdatedAt", (json_int_t)job->updated_at, "jobDocument",
		json_loads(job->document, 0, NULL), "statusDetails", json_loads(job->details, 0, NULL));
}

/* The doorbell. What it says is not relied on. */
static int send_bell(struct skerryd *server, const char *device)
{
	struct store_job job;
	json_t *body = json_pack("{s:I}", "timestamp", (json_int_t)note_now());
	int rc = store_job_next(server->store, device, &job);
	if (rc == 0) {
		json_object_set_new(body, "execution", execution_json(&job));
		store_job_free(&job);
	}
	if (rc < 0)
		json_decref(body);
	else
		outbox_add(&server->outbox, device, "jobs/notify-next", body);
	return rc < 0 ? -1 : 0;
}

/*
 * The device's job with its assignment, or the word that nothing is assigned. A job that cannot be assigned now is not handed out: the device would end it
 * for good. 0 or -1.
 */
static int add_next(struct skerryd *server, const char *device, const char *token, json_t *body)
{
	struct store_job job;
	char *assignment = NULL;
	const char *reset = NULL;
	int rc = store_job_next(server->store, device, &job);
	if (rc < 0)
		return -1;
	bool has_job = rc == 0;
	rc = has_job ? rollouts_reset_word(server, &job, &reset) : 0;
	if (rc == 0)
		rc = trust_assign(server, &(struct trust_word){device, has_job ? job.digest : "", token}, &assignment);
	if (rc == 0 && has_job) {
		json_t *execution = execution_json(&job), *document = json_object_get(execution, "jobDocument");
		json_object_set_new(document, "assignment", json_string(assignment));
		if (reset)
			json_object_set_new(document, "reset", json_string(reset));
		json_object_set_new(body, "execution", execution);
	} else if (rc == 0) {
		json_object_set_new(body, "assignment", json_string(assignment));
	}
	free(assignment);
	if (has_job)
		store_job_free(&job);
	return rc < 0 ? -1 : 0;
}

/* {timestamp, clientToken?, execution? or assignment?} */
static int send_next(struct skerryd *server, const char *device, const char *token)
{
	json_t *body = json_pack("{s:I, s:s*}", "timestamp", (json_int_t)note_now(), "clientToken", token);
	if (add_next(server, device, token, body) < 0) {
		json_decref(body);
		return -1;
	}
	outbox_add(&server->outbox, device, "jobs/$next/get/accepted", body);
	return 0;
}

/* What the device holds is noted, and what it lacks goes out before the answer. */
static int bring_keysets(struct skerryd *server, const char *device, int64_t held)
{
	if (held < 0)
		return 0;
	if (store_device_keyset(server->store, device, held) < 0)
		return -1;
	return trust_send_newer(server, device, held);
}

struct refusal {
	const char *code, *message, *token;
	const struct store_job *state; /* NULL: not told */
};

static json_t *state_json(const struct store_job *job)
{
	return json_pack(
		"{s:s, s:I}", "status", job_status_name(job->status), "versionNumber", (json_int_t)job->version_number);
}

static int refuse(struct skerryd *server, const char *device, const char *suffix, const struct refusal *refusal)
{
	json_t *body = json_pack("{s:s, s:s, s:I, s:s*}", "code", refusal->code, "message", refusal->message,
		"timestamp", (json_int_t)note_now(), "clientToken", refusal->token);
	if (refusal->state)
		json_object_set_new(body, "executionState", state_json(refusal->state));
	outbox_add(&server->outbox, device, suffix, body);
	return 0;
}

int jobs_on_get(struct skerryd *server, const char *device, const json_t *body)
{
	struct message_get get;
	struct refusal refusal = {.code = "InvalidJson", .message = "the request is not a JSON object"};
	if (!body)
		return refuse(server, device, "jobs/$next/get/rejected", &refusal);
	if (!message_get(body, &get)) {
		refusal = (struct refusal){"InvalidRequest", "clientToken or keyset is out of its bounds", NULL, NULL};
		return refuse(server, device, "jobs/$next/get/rejected", &refusal);
	}
	bell_stop(&server->bells, device);
	if (bring_keysets(server, device, get.keyset) < 0)
		return -1;
	/* Before the answer: what follows from it may be the device's next job. */
	if (rollouts_on_get(server, device) < 0)
		return -1;
	return send_next(server, device, get.token);
}

/* ---- updates ---- */

static int answer_accepted(struct skerryd *server, const struct store_job *job, const char *token)
{
	char suffix[128];
	snprintf(suffix, sizeof suffix, "jobs/%s/update/accepted", job->id);
	outbox_add(&server->outbox, job->device, suffix,
		json_pack("{s:I, s:s*, s:o}", "timestamp", (json_int_t)note_now(), "clientToken", token,
			"executionState", state_json(job)));
	return 0;
}

bool jobs_step_has_payload(const char *step)
{
	return *step && strcmp(step, "manifest") != 0 && strcmp(step, "download") != 0 && strcmp(step, "verify") != 0;
}

/* A new step is worth an event; the percents between are not. */
static bool is_news(const struct store_job *job, const struct message_update *update)
{
	if (job->status != update->status)
		return true;
	json_t *before = json_loads(job->details, 0, NULL);
	bool news = strcmp(message_detail(before, "step"), message_detail(update->details, "step")) != 0;
	json_decref(before);
	return news;
}

static int apply(struct skerryd *server, struct store_job *job, const struct message_update *update)
{
	bool news = is_news(job, update), status_changed = job->status != update->status, was_held = job_is_held(job);
	job->status = update->status;
	job->version_number++;
	job->updated_at = note_now();
	if (!job->started_at)
		job->started_at = job->updated_at;
	if (update->details) {
		char *details = json_dumps(update->details, JSON_COMPACT);
		if (!details)
			return -1;
		free(job->details);
		job->details = details;
		job->has_payload = jobs_step_has_payload(message_detail(update->details, "step"));
	}
	server->changed |= CHANGED_JOB;
	homeassistant_touch(server, job->device);
	if (store_job_put(server->store, job) < 0 || (news && job_event(server, job, update->details) < 0))
		return -1;
	return status_changed || was_held || job_is_held(job) ? rollouts_on_job(server, job) : 0;
}

/* The device goes on with a job that is over for us: what it does is in its reports, but the operator should know. */
static int late_event(struct skerryd *server, const struct store_job *job, enum job_status wanted)
{
	char text[300];
	if (job_is_open(wanted))
		return 0;
	snprintf(text, sizeof text, "%s says %s, but the job was %s already", job->device, job_status_name(wanted),
		job_status_name(job->status));
	return skerryd_event(
		server, &(struct store_event){.kind = "job-late", .device = job->device, .job = job->id, .text = text});
}

static int decide(
	struct skerryd *server, struct store_job *job, const struct message_update *update, struct refusal *refusal)
{
	char suffix[128];
	enum job_decision decision =
		job_decide(job->status, job->version_number, update->status, update->expected_version);
	if (decision == JOB_ACCEPT && apply(server, job, update) < 0)
		return -1;
	if (decision == JOB_ACCEPT || decision == JOB_REPEATED)
		return answer_accepted(server, job, refusal->token);
	if (decision == JOB_ENDED &&
		(late_event(server, job, update->status) < 0 || rollouts_on_late_job(server, job, update->status) < 0))
		return -1;
	refusal->code = job_decision_code(decision);
	refusal->message = "see executionState";
	refusal->state = job;
	snprintf(suffix, sizeof suffix, "jobs/%s/update/rejected", job->id);
	return refuse(server, job->device, suffix, refusal);
}

static bool check_update(const json_t *body, struct message_update *update, struct refusal *refusal)
{
	if (!body) {
		*refusal = (struct refusal){"InvalidJson", "the request is not a JSON object", NULL, NULL};
		return false;
	}
	if (message_token(body, &refusal->token) && message_update(body, update))
		return true;
	refusal->code = "InvalidRequest";
	refusal->message = "status, expectedVersion, statusDetails or clientToken is out of its bounds";
	return false;
}

int jobs_on_update(struct skerryd *server, const char *device, const char *id, const json_t *body)
{
	char suffix[128];
	struct message_update update;
	struct refusal refusal = {0};
	struct store_job job;
	snprintf(suffix, sizeof suffix, "jobs/%s/update/rejected", id);
	if (!check_update(body, &update, &refusal))
		return refuse(server, device, suffix, &refusal);
	int rc = store_job_get(server->store, id, &job);
	if (rc < 0)
		return -1;
	/* Another device's job is none of its business: it does not even exist for it. */
	if (rc == STORE_NONE || strcmp(job.device, device) != 0) {
		refusal.code = "ResourceNotFound";
		refusal.message = "this device has no such job";
		if (rc == 0)
			store_job_free(&job);
		return refuse(server, device, suffix, &refusal);
	}
	rc = decide(server, &job, &update, &refusal);
	store_job_free(&job);
	return rc;
}

/* ---- time ---- */

int jobs_ring_all(struct skerryd *server)
{
	json_t *devices, *row;
	size_t index;
	if (store_jobs_waiting(server->store, &devices) < 0)
		return -1;
	json_array_foreach(devices, index, row)
	{
		bell_start(&server->bells, json_string_value(json_object_get(row, "device")), note_now_ms());
	}
	json_decref(devices);
	return 0;
}

/* How many rang, or -1. */
static int ring(struct skerryd *server)
{
	const char *device;
	int rang = 0;
	for (; rang < RINGS_A_TICK && (device = bell_due(&server->bells, note_now_ms())); rang++)
		if (send_bell(server, device) < 0)
			return -1;
	return rang;
}

static int time_out(struct skerryd *server)
{
	struct store_job job;
	int rc;
	int64_t limit = (int64_t)server->settings.step_timeout_s;
	/* While the broker is away, and for as long after it came back, silence says nothing about a device. */
	if (note_now() - server->broker_since <= limit)
		return 0;
	while ((rc = store_job_silent(server->store, note_now() - limit, &job)) == 0) {
		rc = end_job(server, &job, JOB_TIMED_OUT);
		if (rc == 0)
			rc = rollouts_on_job(server, &job);
		store_job_free(&job);
		if (rc < 0)
			break;
	}
	return rc < 0 ? -1 : 0;
}

bool jobs_tick(struct skerryd *server)
{
	if (!server->broker_since || skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return false;
	int rang = ring(server);
	if (rang < 0 || time_out(server) < 0) {
		skerryd_rollback(server);
		return false;
	}
	return skerryd_commit(server) == 0 && rang == RINGS_A_TICK;
}
