/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent_log.h"
#include "job_doc.h"
#include "job_status.h"
#include "platform.h"
#include "tls.h"

#define ANSWER_TIMEOUT_MS 15000
#define GET_PERIOD_MS     300000 /* with up to as much jitter on top */
#define GET_SPACING_MS                                                                                                 \
	1000 /* also for a server that offers what was just refused, and for a doorbell that never stops */
#define OFFER_AGAIN_MS     10000
#define PROGRESS_PERIOD_MS 1000
#define BUSY_RETRY_MS      200 /* the queue was full */
#define MESSAGE_MAX        1024
#define DOCUMENT_MAX       24576
#define TOKEN_MAX          24

void jobs_init(struct jobs *jobs, const struct jobs_port *port, void *ctx)
{
	const struct backoff backoff = {.base_ms = 1000, .max_ms = 60000};

	memset(jobs, 0, sizeof(*jobs));
	jobs->port = port;
	jobs->ctx = ctx;
	jobs->session = tls_random_below(UINT32_MAX);
	jobs->get.backoff = backoff;
	jobs->update.backoff = backoff;
}

static bool is_terminal(const struct ota_status *status)
{
	return status->outcome != OTA_RUNNING;
}

/* Of the job whose status is pending. Another start of this device may have told the server more than we know: then it is asked first. */
static bool version_is_known(const struct jobs *jobs)
{
	return strcmp(jobs->known_id, jobs->status.job_id) == 0;
}

static void token_text(const struct jobs *jobs, uint32_t token, char text[TOKEN_MAX])
{
	(void)snprintf(text, TOKEN_MAX, "%08" PRIx32 "-%" PRIu32, jobs->session, token);
}

static void want_get(struct jobs *jobs)
{
	uint64_t now = platform_now_ms();

	jobs->get_wanted = true;
	if (!jobs->get.waiting)
		jobs->get.deadline_ms = now > jobs->next_get_ms ? now : jobs->next_get_ms;
}

/* The request was answered: as it should be, or so that it is to be repeated after a pause. */
static void request_done(struct jobs_request *request, uint32_t pause_ms)
{
	request->waiting = false;
	request->deadline_ms = platform_now_ms() + pause_ms;
	if (pause_ms == 0)
		backoff_reset(&request->backoff);
}

void jobs_on_link(struct jobs *jobs, bool up)
{
	jobs->up = up;
	request_done(&jobs->get, 0);
	request_done(&jobs->update, 0);
	jobs->replaced = false;
	jobs->last_sent_ms = 0;
	if (up)
		want_get(jobs);
}

void jobs_on_status(struct jobs *jobs, const struct ota_status *status)
{
	bool same_step = jobs->status.step == status->step && strcmp(jobs->status.job_id, status->job_id) == 0;

	if (!same_step)
		jobs->last_sent_ms = 0; /* only progress within one step is held back */
	jobs->status = *status;
	jobs->replaced = jobs->update.waiting;
	jobs->pending = true;
}

/* While a request waits, its answer was made for the new keyset: the server sends those first. */
void jobs_on_keyset(struct jobs *jobs)
{
	if (jobs->up && !jobs->get.waiting)
		want_get(jobs);
}

/* ---- sending ---- */

static void send_get(struct jobs *jobs)
{
	char buf[96], token[TOKEN_MAX];
	struct json_out out;
	int len;

	token_text(jobs, ++jobs->tokens, token);
	json_begin(&out, buf, sizeof(buf));
	json_put_string(&out, "clientToken", token);
	json_put_u64(&out, "keyset", jobs->port->keyset(jobs->ctx));
	len = json_end(&out);
	if (len < 0 || jobs->port->publish(jobs->ctx, "$next/get", buf, (size_t)len) != 0) {
		jobs->get.deadline_ms = platform_now_ms() + BUSY_RETRY_MS;
		return;
	}
	jobs->get.waiting = true;
	jobs->get.token = jobs->tokens;
	jobs->get.deadline_ms = platform_now_ms() + ANSWER_TIMEOUT_MS;
	jobs->next_get_ms = platform_now_ms() + GET_SPACING_MS;
	jobs->get_wanted = false;
}

static void send_update(struct jobs *jobs)
{
	char suffix[OTA_JOB_ID_MAX + 16], buf[MESSAGE_MAX], token[TOKEN_MAX];
	uint64_t now = platform_now_ms();
	int len;

	token_text(jobs, ++jobs->tokens, token);
	(void)snprintf(suffix, sizeof(suffix), "%s/update", jobs->status.job_id);
	len = job_status_write(&jobs->status, jobs->known_version, token, buf, sizeof(buf));
	if (len < 0 || jobs->port->publish(jobs->ctx, suffix, buf, (size_t)len) != 0) {
		jobs->update.deadline_ms = now + BUSY_RETRY_MS;
		return;
	}
	jobs->update.waiting = true;
	jobs->update.token = jobs->tokens;
	jobs->update.deadline_ms = now + ANSWER_TIMEOUT_MS;
	jobs->replaced = false;
	jobs->last_sent_ms = now;
}

/* ---- answers to `get` ---- */

/* The job cannot even be handed to the core: tell the server, unless the outbox still holds another job's end. */
static void refuse(struct jobs *jobs, const char *id, uint32_t version, int error)
{
	struct ota_status status = {.job_version = version,
		.outcome = OTA_REJECTED,
		.step = OTA_STEP_MANIFEST,
		.slot = OTA_SLOT_NONE,
		.error = error};

	agent_log(AGENT_WARN, "agent: job.refused id=%s err=%s", id, ota_err_name(error));
	if (jobs->pending && strcmp(jobs->status.job_id, id) != 0)
		return;
	memcpy(status.job_id, id, strlen(id) + 1);
	jobs_on_status(jobs, &status);
}

static bool is_open(const struct json *execution)
{
	struct json status;

	return !json_member(execution, "status", &status) ||
	       (json_string_is(&status, "QUEUED") || json_string_is(&status, "IN_PROGRESS"));
}

static void take_execution(struct jobs *jobs, const struct json *execution, char *text)
{
	char id[OTA_JOB_ID_MAX], token[TOKEN_MAX];
	struct json value, document;
	struct job_doc doc;
	uint64_t version = 0;
	int error;

	if (!json_member(execution, "jobId", &value) || json_string(&value, id, sizeof(id)) < 0 ||
		!job_id_is_valid(id) || !json_member(execution, "versionNumber", &value) ||
		!json_u64(&value, UINT32_MAX, &version) || !is_open(execution)) {
		agent_log(AGENT_WARN, "agent: job.malformed");
		return;
	}
	memcpy(jobs->known_id, id, sizeof(id));
	jobs->known_version = (uint32_t)version;
	/* The end of this very job was just not told yet: telling it is what the server waits for. */
	if (jobs->pending && is_terminal(&jobs->status) && strcmp(jobs->status.job_id, id) == 0)
		return;
	if (!json_member_of(execution, "jobDocument", JSON_OBJECT, &document)) {
		refuse(jobs, id, (uint32_t)version, -OTA_E_JSON);
		return;
	}
	error = document.len > DOCUMENT_MAX ? -OTA_E_TOO_LONG : job_doc_parse(&document, text, &doc);
	if (error != 0) {
		refuse(jobs, id, (uint32_t)version, error);
		return;
	}
	doc.job.id = id;
	doc.job.version = (uint32_t)version;
	token_text(jobs, jobs->get.token, token);
	doc.job.nonce = (const uint8_t *)token;
	doc.job.nonce_len = strlen(token);
	error = jobs->port->job(jobs->ctx, &doc.job);
	/* Not refused, only not now: nothing was told to the server, so it is asked again before long. */
	if (error == -OTA_E_BUSY || error == -OTA_E_TRIAL || error == -OTA_E_KEYSET_VERSION || error == -OTA_E_IO)
		jobs->get.deadline_ms = platform_now_ms() + OFFER_AGAIN_MS;
}

/* The server refuses to hear more of this job: there is nothing to repeat. */
static void drop_pending(struct jobs *jobs)
{
	char id[OTA_JOB_ID_MAX];

	memcpy(id, jobs->status.job_id, sizeof(id));
	jobs->pending = false;
	jobs->port->acked(jobs->ctx, id, 0);
}

static bool is_pending_job(const struct jobs *jobs, const struct json *execution)
{
	struct json id;

	return json_member(execution, "jobId", &id) && json_string_is(&id, jobs->status.job_id);
}

static void take_idle(struct jobs *jobs, const struct json *root, char *text)
{
	struct jobs_idle idle = {0};
	struct json assignment;
	char token[TOKEN_MAX];

	token_text(jobs, jobs->get.token, token);
	idle.nonce = (const uint8_t *)token;
	idle.nonce_len = strlen(token);
	/* One that cannot be decoded proves nothing, like none. */
	if (json_member_of(root, "assignment", JSON_STRING, &assignment))
		(void)!job_bytes(&assignment, text, &idle.assignment, &idle.assignment_len);
	jobs->port->idle(jobs->ctx, &idle);
}

static void on_get_accepted(struct jobs *jobs, const struct json *root, char *text)
{
	struct json execution;
	bool has = json_member_of(root, "execution", JSON_OBJECT, &execution);

	request_done(&jobs->get, 0);
	/* Unless the doorbell rang meanwhile. */
	if (jobs->get_wanted)
		want_get(jobs);
	else
		jobs->get.deadline_ms += GET_PERIOD_MS + tls_random_below(GET_PERIOD_MS);
	if (jobs->pending && !version_is_known(jobs) && !(has && is_pending_job(jobs, &execution)))
		drop_pending(jobs);
	if (has)
		take_execution(jobs, &execution, text);
	else
		take_idle(jobs, root, text);
}

/* ---- answers to `update` ---- */

static void learn_version(struct jobs *jobs, const struct json *root)
{
	struct json state, value;
	uint64_t version = (uint64_t)jobs->known_version + 1;

	if (json_member_of(root, "executionState", JSON_OBJECT, &state) && json_member(&state, "versionNumber", &value))
		(void)json_u64(&value, UINT32_MAX, &version);
	jobs->known_version = (uint32_t)version;
}

static void on_update_accepted(struct jobs *jobs, const struct json *root)
{
	char id[OTA_JOB_ID_MAX];
	bool terminal = is_terminal(&jobs->status);

	request_done(&jobs->update, 0);
	learn_version(jobs, root);
	if (jobs->replaced)
		return; /* what was accepted is not what there is to say by now */
	memcpy(id, jobs->status.job_id, sizeof(id));
	jobs->pending = false;
	jobs->port->acked(jobs->ctx, id, jobs->known_version);
	if (terminal)
		want_get(jobs);
}

static void on_update_rejected(struct jobs *jobs, const struct json *root)
{
	struct json code;
	char name[40];

	if (!json_member(root, "code", &code) || json_string(&code, name, sizeof(name)) < 0)
		name[0] = '\0';
	agent_log(AGENT_WARN, "agent: job.update.rejected id=%s code=%s", jobs->status.job_id, name);
	if (strcmp(name, "VersionMismatch") == 0) {
		request_done(&jobs->update, backoff_next_ms(&jobs->update.backoff));
		jobs->known_id[0] = '\0';
		want_get(jobs);
	} else if (strcmp(name, "RequestThrottled") == 0 || strcmp(name, "InternalError") == 0 || name[0] == '\0') {
		request_done(&jobs->update, backoff_next_ms(&jobs->update.backoff));
	} else {
		request_done(&jobs->update, 0);
		drop_pending(jobs);
		want_get(jobs);
	}
}

/* ---- events ---- */

/* Does the answer carry the token of the request that waits? */
static bool is_answer_to(const struct jobs *jobs, const struct jobs_request *request, const struct json *root)
{
	char token[TOKEN_MAX];
	struct json value;

	token_text(jobs, request->token, token);
	return request->waiting && json_member(root, "clientToken", &value) && json_string_is(&value, token);
}

static void on_update_answer(struct jobs *jobs, const char *suffix, const struct json *root)
{
	size_t id_len = strlen(jobs->status.job_id);

	if (!is_answer_to(jobs, &jobs->update, root) || strncmp(suffix, jobs->status.job_id, id_len) != 0)
		return;
	if (strcmp(suffix + id_len, "/update/accepted") == 0)
		on_update_accepted(jobs, root);
	else if (strcmp(suffix + id_len, "/update/rejected") == 0)
		on_update_rejected(jobs, root);
}

void jobs_on_message(struct jobs *jobs, const char *suffix, char *payload, size_t len)
{
	struct json root;

	if (strcmp(suffix, "notify-next") == 0) {
		want_get(jobs);
		return;
	}
	if (json_parse(payload, len, &root) != 0 || root.type != JSON_OBJECT) {
		/* The timers repeat what this would have been the answer to. */
		agent_log(AGENT_WARN, "agent: job.message err=E_JSON bytes=%zu", len);
		return;
	}
	if (strcmp(suffix, "$next/get/accepted") == 0) {
		if (is_answer_to(jobs, &jobs->get, &root))
			on_get_accepted(jobs, &root, payload);
	} else if (strcmp(suffix, "$next/get/rejected") == 0) {
		if (is_answer_to(jobs, &jobs->get, &root))
			request_done(&jobs->get, backoff_next_ms(&jobs->get.backoff));
	} else if (jobs->pending || jobs->update.waiting) {
		on_update_answer(jobs, suffix, &root);
	}
}

/* ---- time ---- */

static void request_expire(struct jobs_request *request, uint64_t now, const char *what)
{
	if (!request->waiting || now < request->deadline_ms)
		return;
	agent_log(AGENT_WARN, "agent: job.%s err=E_TIMEOUT", what);
	request_done(request, backoff_next_ms(&request->backoff) + 1);
}

/* When the status held back may go out. */
static uint64_t update_due_ms(const struct jobs *jobs)
{
	uint64_t progress_ms = jobs->last_sent_ms + PROGRESS_PERIOD_MS;
	bool held_back = !is_terminal(&jobs->status) && jobs->last_sent_ms != 0;

	return held_back && progress_ms > jobs->update.deadline_ms ? progress_ms : jobs->update.deadline_ms;
}

static bool update_is_ready(const struct jobs *jobs)
{
	return jobs->pending && !jobs->update.waiting && version_is_known(jobs);
}

static bool get_is_blocked(const struct jobs *jobs)
{
	/* A terminal state goes first: else the server would name a job as next that has ended. */
	return jobs->pending && is_terminal(&jobs->status) && version_is_known(jobs);
}

void jobs_poll(struct jobs *jobs)
{
	uint64_t now = platform_now_ms();

	if (!jobs->up)
		return;
	request_expire(&jobs->get, now, "get");
	request_expire(&jobs->update, now, "update");
	if (update_is_ready(jobs) && now >= update_due_ms(jobs))
		send_update(jobs);
	if (!jobs->get.waiting && !get_is_blocked(jobs) && now >= jobs->get.deadline_ms)
		send_get(jobs);
}

uint64_t jobs_deadline_ms(const struct jobs *jobs)
{
	uint64_t deadline = UINT64_MAX;

	if (!jobs->up)
		return deadline;
	if (jobs->get.waiting || !get_is_blocked(jobs))
		deadline = jobs->get.deadline_ms;
	if (jobs->update.waiting && jobs->update.deadline_ms < deadline)
		deadline = jobs->update.deadline_ms;
	if (update_is_ready(jobs) && update_due_ms(jobs) < deadline)
		deadline = update_due_ms(jobs);
	return deadline;
}

bool jobs_is_settled(const struct jobs *jobs)
{
	return !jobs->up || !jobs->pending;
}
