/* SPDX-License-Identifier: Apache-2.0 */
/* What devices do, and time. */
#include "skerryd/rollouts.h"

#include <stdio.h>
#include <string.h>

#include "skerryd/jobs.h"
#include "skerryd/note.h"
#include "skerryd/rollouts_priv.h"

#define LOOK_MS 1000  /* who is late */
#define JOIN_MS 10000 /* who is new */

/* ---- the rollouts that a device is in ---- */

struct visitor {
	int (*visit)(struct skerryd *server, struct open_rollout *r, struct store_target *target, const void *arg);
	const void *arg;
};

static int visit_one(struct skerryd *server, const char *rollout, const char *device, const struct visitor *visitor)
{
	struct store_target target;
	struct open_rollout *r = rollout_find(server, rollout);
	if (!r)
		return 0;
	int rc = store_target_get(server->store, rollout, device, &target);
	if (rc == 0)
		rc = visitor->visit(server, r, &target, visitor->arg);
	if (rc == 0 && (r->changed || r->due_ms <= server->now_ms))
		rc = rollout_serve(server, r);
	return rc < 0 ? -1 : 0;
}

/* Each started rollout that the device is in, then what follows from it. */
static int visit_all(struct skerryd *server, const char *device, const struct visitor *visitor)
{
	json_t *rows;
	const json_t *row;
	size_t index;
	int rc = 0;
	if (rollout_load_all(server) < 0)
		return -1;
	if (!server->rollouts || !server->rollouts->first)
		return 0;
	if (store_rollouts_open(server->store, device, &rows) < 0)
		return -1;
	json_array_foreach(rows, index, row)
	{
		if (rc == 0)
			rc = visit_one(server, json_string_value(json_object_get(row, "id")), device, visitor);
	}
	json_decref(rows);
	return rc;
}

/* Somebody may be able to start who was not: ask again. */
static void wake(struct skerryd *server, struct open_rollout *r, uint32_t wave)
{
	r->rollout.waves[wave].nobody_until_ms = 0;
	r->due_ms = server->now_ms;
}

/* ---- jobs ---- */

static void job_error(const struct store_job *job, char *out, size_t size)
{
	json_t *details = json_loads(job->details, 0, NULL);
	const char *step = json_string_value(json_object_get(details, "step")),
		   *error = json_string_value(json_object_get(details, "error")),
		   *reason = json_string_value(json_object_get(details, "reason"));
	snprintf(out, size, "%.40s%s%.40s%s%.32s", reason ? reason : "failed", error ? ", " : "", error ? error : "",
		step ? ", in step " : "", step ? step : "");
	json_decref(details);
}

/* The device says that the image runs and is confirmed: its last report has to say that it runs. */
static int on_success(struct skerryd *server, struct open_rollout *r, struct store_target *target)
{
	struct store_device device;
	int rc = store_device_get(server->store, target->device, &device);
	if (rc)
		return rc < 0 ? -1 : 0;
	const char *wanted = target->target.state == TARGET_REVERTING ? target->digest_before : r->row.digest;
	/* Else the report is still to come; if it never does, the try ends by time. */
	if (!*wanted || strcmp(device.digest, wanted) != 0 || strcmp(device.mode, "safe") == 0)
		return 0;
	return rollout_step_truth(server, r, target, device.digest);
}

static int on_status(struct skerryd *server, struct open_rollout *r, struct store_target *target,
	const struct store_job *job, enum job_status status)
{
	char error[128];
	switch (status) {
	case JOB_QUEUED:
		return 0;
	case JOB_IN_PROGRESS:
		if (rollout_step(server, r, target, EVENT_TAKEN, NULL) < 0)
			return -1;
		return rollout_hold_said(server, r, target, job_is_held(job));
	case JOB_SUCCEEDED:
		return on_success(server, r, target);
	case JOB_FAILED:
	case JOB_REJECTED:
		job_error(job, error, sizeof error);
		return rollout_step(
			server, r, target, status == JOB_FAILED ? EVENT_JOB_FAILED : EVENT_JOB_REJECTED, error);
	case JOB_TIMED_OUT:
		return rollout_step(server, r, target, EVENT_TIMEOUT, "it was silent for too long");
	case JOB_CANCELED:
		return rollout_step(server, r, target, EVENT_JOB_CANCELED, "an operator canceled its job");
	}
	return 0;
}

struct job_word {
	const struct store_job *job;
	enum job_status said;
};

static int visit_job(struct skerryd *server, struct open_rollout *r, struct store_target *target, const void *arg)
{
	const struct job_word *word = arg;
	/* Its job has ended, whoever's it was, and what it reported may have come before: its turn may have come. */
	if (!job_is_open(word->said))
		wake(server, r, target->wave);
	return strcmp(target->job, word->job->id) == 0 ? on_status(server, r, target, word->job, word->said) : 0;
}

int rollouts_on_job(struct skerryd *server, const struct store_job *job)
{
	const struct job_word word = {job, job->status};
	return visit_all(server, job->device, &(struct visitor){visit_job, &word});
}

int rollouts_on_late_job(struct skerryd *server, const struct store_job *job, enum job_status said)
{
	const struct job_word word = {job, said};
	return visit_all(server, job->device, &(struct visitor){visit_job, &word});
}

/* The rollout was stopped and the device's job withdrawn; it asks for the next, and had not armed the image: there is nothing to wait for. */
static bool is_withdrawn(const struct store_job *job, const struct store_target *target, bool *armed)
{
	json_t *details = json_loads(job->details, 0, NULL);
	const char *step = json_string_value(json_object_get(details, "step"));
	*armed = step && jobs_step_has_payload(step) && strcmp(step, "hold") != 0;
	json_decref(details);
	return target->target.stopped && job->status == JOB_CANCELED;
}

/* `reported`: it says what it runs, and that is not the image. */
static int end_withdrawn(struct skerryd *server, struct open_rollout *r, struct store_target *target, bool reported)
{
	struct store_job job;
	bool armed;
	if (target->target.state != TARGET_ACTIVE || !*target->job)
		return 0;
	int rc = store_job_get(server->store, target->job, &job);
	if (rc)
		return rc < 0 ? -1 : 0;
	bool over = is_withdrawn(&job, target, &armed) && (reported || !armed);
	store_job_free(&job);
	return over ? rollout_step(server, r, target, EVENT_JOB_CANCELED, NULL) : 0;
}

static int visit_get(struct skerryd *server, struct open_rollout *r, struct store_target *target, const void *arg)
{
	(void)arg;
	/* It asks in the very moment. */
	if (rollout_hold_look(server, r, target) < 0)
		return -1;
	return end_withdrawn(server, r, target, false);
}

int rollouts_on_get(struct skerryd *server, const char *device)
{
	return visit_all(server, device, &(struct visitor){visit_get, NULL});
}

int rollouts_reset_word(struct skerryd *server, const struct store_job *job, const char **word)
{
	struct store_target target;
	int64_t at_ms;
	*word = NULL;
	if (!*job->rollout)
		return 0;
	if (rollout_load_all(server) < 0)
		return -1;
	struct open_rollout *r = rollout_find(server, job->rollout);
	if (!r || window_is_always(&r->description->flash))
		return 0;
	int rc = store_target_get(server->store, job->rollout, job->device, &target);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (strcmp(target.job, job->id) != 0 || target.target.state == TARGET_REVERTING)
		return 0;
	*word = "hold";
	if (target.target.state != TARGET_ACTIVE || !target.not_before_ms || r->rollout.state != ROLLOUT_RUNNING)
		return 0;
	rc = rollout_window_flash(server, r, job->device, &at_ms);
	if (rc == 0 && at_ms <= server->now_ms)
		*word = "now";
	return rc < 0 ? -1 : 0;
}

/* What waits for a window has another one now. A try that failed waits for its time, too. */
static int visit_zone(struct skerryd *server, struct open_rollout *r, struct store_target *target, const void *arg)
{
	(void)arg;
	if (target->target.state == TARGET_HELD)
		return rollout_hold_look(server, r, target);
	if (target->target.state != TARGET_PENDING || target->started_ms || !target->not_before_ms)
		return 0;
	target->not_before_ms = 0;
	wake(server, r, target->wave);
	return store_target_put(server->store, r->row.id, target);
}

int rollouts_on_zone(struct skerryd *server, const char *device)
{
	return visit_all(server, device, &(struct visitor){visit_zone, NULL});
}

/* ---- reports and presence ---- */

static int visit_report(struct skerryd *server, struct open_rollout *r, struct store_target *target, const void *arg)
{
	int rc = rollout_step_truth(server, r, target, arg);
	/* A trial that failed after the job was withdrawn: the device does not tell its end any more, but what it runs. */
	return rc ? rc : end_withdrawn(server, r, target, true);
}

int rollouts_on_report(struct skerryd *server, const char *device, const char *digest, bool confirmed)
{
	return confirmed && *digest ? visit_all(server, device, &(struct visitor){visit_report, digest}) : 0;
}

/* It came, or it went. */
static int visit_presence(struct skerryd *server, struct open_rollout *r, struct store_target *target, const void *arg)
{
	const bool online = *(const bool *)arg;
	enum target_state state = target->target.state;
	if (online && (state == TARGET_PENDING || state == TARGET_REVERT))
		wake(server, r, target->wave);
	/* The time of a try counts from when it can be taken; how long it was away, from when it went. */
	if (state == TARGET_OFFERED) {
		target->turn_ms = online ? 0 : server->now_ms;
		if (online)
			target->started_ms = server->now_ms;
	} else if (online && state == TARGET_PENDING && target->turn_ms) {
		target->turn_ms = 0;
	} else {
		return 0;
	}
	r->changed = true;
	return store_target_put(server->store, r->row.id, target);
}

int rollouts_on_presence(struct skerryd *server, const char *device, bool online)
{
	return visit_all(server, device, &(struct visitor){visit_presence, &online});
}

/* ---- time ---- */

/* Those whose time is over. */
static int look(struct skerryd *server, struct open_rollout *r)
{
	const struct rollout_description *description = r->description;
	int64_t away_ms =
		description->offline == OFFLINE_DEADLINE ? description->offline_after_ms : description->timeout_ms;
	json_t *rows;
	if (store_targets_late(server->store, r->row.id, server->now_ms - description->timeout_ms, &rows) < 0 ||
		rollout_step_rows(server, r, rows, EVENT_TIMEOUT, "no end in time") < 0)
		return -1;
	if (store_targets_gone(server->store, r->row.id, &rows) < 0 ||
		rollout_step_rows(server, r, rows, EVENT_GONE, "it left the fleet") < 0)
		return -1;
	if (rollout_hold_look_all(server, r) < 0)
		return -1;
	if (description->offline == OFFLINE_WAIT || r->rollout.state != ROLLOUT_RUNNING)
		return 0;
	if (store_targets_missed(server->store, r->row.id, server->now_ms - away_ms, &rows) < 0)
		return -1;
	return rollout_step_rows(server, r, rows, EVENT_SKIP_OFFLINE, "it was offline for too long");
}

static bool is_due(const struct skerryd *server, const struct open_rollout *r)
{
	return r->due_ms <= server->now_ms || r->look_ms <= server->now_ms;
}

static int turn(struct skerryd *server, struct open_rollout *r)
{
	if (r->look_ms <= server->now_ms) {
		r->look_ms = server->now_ms + LOOK_MS;
		if (look(server, r) < 0)
			return -1;
	}
	if (r->description->spec.continuous && r->row.state == ROLLOUT_RUNNING && r->join_ms <= server->now_ms) {
		r->join_ms = server->now_ms + JOIN_MS;
		if (fill_join(server, r) < 0)
			return -1;
	}
	return rollout_serve(server, r);
}

static int turn_all(struct skerryd *server)
{
	for (struct open_rollout *r = server->rollouts->first; r; r = r->next)
		if (is_due(server, r) && turn(server, r) < 0)
			return -1;
	return 0;
}

void rollouts_turn(struct skerryd *server)
{
	bool due = false;
	if (!server->rollouts || rollout_load_all(server) < 0)
		return;
	for (const struct open_rollout *r = server->rollouts->first; r; r = r->next)
		due |= is_due(server, r);
	if (!due || skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return;
	if (turn_all(server) < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}

int rollouts_timeout_ms(const struct skerryd *server, int max_ms)
{
	int64_t timeout = max_ms;
	for (const struct open_rollout *r = server->rollouts ? server->rollouts->first : NULL; r; r = r->next) {
		int64_t due = r->due_ms < r->look_ms ? r->due_ms : r->look_ms;
		if (due - server->now_ms < timeout)
			timeout = due > server->now_ms ? due - server->now_ms : 0;
	}
	return (int)timeout;
}
