/* SPDX-License-Identifier: Apache-2.0 */
/* skerryd's rollouts against a real database, one rule of fleet/ROLLOUTS.md at a time. Time is server->now_ms. */
#include "skerryd/rollouts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/devices.h"
#include "skerryd/jobs.h"
#include "skerryd/store_priv.h"

#define NEW    "aa112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BEFORE "bb112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LOST   "cc112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define START  1767225600000 /* 2026-01-01T00:00Z */

struct fixture {
	char dir[64], rollout[33];
	struct skerryd server;
	struct fleet_error error;
};

static const struct principal ann = {.role = ROLE_ADMIN, .name = "ann"}, bob = {.role = ROLE_ADMIN, .name = "bob"},
			      stranger = {.role = ROLE_ADMIN, .name = "eve", .tenant = "other"};

/* ---- a fleet of five ---- */

static void group(struct fixture *f)
{
	assert_int_equal(skerryd_begin(&f->server, STORE_KEPT_ON_KILL), 0);
}

static void commit(struct fixture *f)
{
	assert_int_equal(skerryd_commit(&f->server), 0);
}

static void add_image(struct fixture *f, const char *digest)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct store_manifest manifest = {
		.bytes = bytes, .len = sizeof bytes, .understood = true, .app = "sensor", .version = "2.0.0"};
	bool added;
	text_vendor_id("example.com", manifest.vendor_id);
	text_class_id(manifest.vendor_id, "qemu-virt", manifest.class_id);
	assert_int_equal(store_manifest_put(f->server.store, digest, &manifest, 1, &added), 0);
}

static void online(struct fixture *f, const char *id, bool is_online)
{
	const struct message_presence presence = {.online = is_online, .boot = 1};
	group(f);
	assert_int_equal(devices_on_presence(&f->server, id, &presence, false), 0);
	commit(f);
}

static void report(struct fixture *f, const char *id, const char *digest)
{
	struct store_report report = {.digest = digest, .mode = "normal"};
	json_t *body = json_object();
	group(f);
	assert_int_equal(devices_on_report(&f->server, id, body, &report), 0);
	commit(f);
	json_decref(body);
}

static void add_device(struct fixture *f, const char *id, const char *attributes)
{
	bool added;
	group(f);
	assert_int_equal(store_device_put(f->server.store, id, "qemu-virt", 1, &added), 0);
	assert_int_equal(
		store_run(f->server.store, "UPDATE devices SET attributes = ? WHERE id = ?", "ss", attributes, id), 0);
	commit(f);
	online(f, id, true);
	report(f, id, BEFORE);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct skerryd *server = &f->server;
	char path[80], id[16], attributes[64];
	bool added;
	*state = f;
	strcpy(f->dir, "/tmp/skerry-rollouts-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(path, sizeof path, "%s/fleet.db", f->dir);
	server->settings.prefix = "p";
	server->settings.artifact_url = "https://10.0.2.2:8443/artifacts";
	server->now_ms = START;
	outbox_init(&server->outbox, "p");
	if (store_open(path, &server->store, &f->error) < 0 || rollouts_start(server) < 0)
		return -1;
	group(f);
	add_image(f, NEW);
	add_image(f, BEFORE);
	assert_int_equal(store_device_put(server->store, "other", "rpi-4", 1, &added), 0);
	commit(f);
	for (int i = 1; i <= 5; i++) {
		snprintf(id, sizeof id, "d%d", i);
		snprintf(attributes, sizeof attributes, "{\"age\":\"%d\",\"timezone\":\"+01:00\"}", 9 - i);
		add_device(f, id, attributes);
	}
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	outbox_clear(&f->server.outbox);
	bell_free(&f->server.bells);
	rollouts_stop(&f->server);
	store_close(f->server.store);
	file_remove_tree(f->dir);
	free(f);
	return 0;
}

/* ---- what people and devices do ---- */

static void create_for(struct fixture *f, const char *image, const char *members)
{
	char text[1024];
	struct rollout_description *description = malloc(sizeof *description);
	snprintf(text, sizeof text, "{\"image\":\"%s\",%s}", image, members);
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	if (rollout_spec_parse(json, description, &f->error) < 0)
		fail_msg("%s", f->error.cause);
	json_decref(json);
	group(f);
	if (rollouts_create(&f->server, &ann, description, f->rollout, &f->error) != ROLLOUTS_DONE)
		fail_msg("%s", f->error.cause);
	commit(f);
	free(description);
}

static void create(struct fixture *f, const char *members)
{
	create_for(f, NEW, members);
}

static enum rollouts_outcome act(struct fixture *f, const struct principal *who, enum rollouts_verb verb)
{
	group(f);
	enum rollouts_outcome outcome = rollouts_do(&f->server, who, verb, f->rollout, &f->error);
	if (outcome == ROLLOUTS_DONE)
		commit(f);
	else
		skerryd_abandon(&f->server);
	return outcome;
}

static void start(struct fixture *f, const char *members)
{
	create(f, members);
	if (act(f, &ann, VERB_START) != ROLLOUTS_DONE)
		fail_msg("%s", f->error.cause);
}

static void pass_s(struct fixture *f, int64_t seconds)
{
	for (int64_t i = 0; i < 4; i++) {
		f->server.now_ms += seconds * 250;
		rollouts_turn(&f->server);
	}
}

/* The device's open job; its document. */
static json_t *job_of(struct fixture *f, const char *id, char job_id[65])
{
	struct store_job job;
	if (store_job_next(f->server.store, id, &job) != 0)
		return NULL;
	json_t *document = json_loads(job.document, 0, NULL);
	memcpy(job_id, job.id, sizeof job.id);
	assert_string_equal(job.rollout, f->rollout);
	store_job_free(&job);
	return document;
}

/* `step` NULL: it does not say. */
static void update_step(struct fixture *f, const char *id, const char *status, const char *step)
{
	char job[65];
	json_t *document = job_of(f, id, job),
	       *body = json_pack("{s:s, s:{s:s*}}", "status", status, "statusDetails", "step", step);
	assert_non_null(document);
	group(f);
	assert_int_equal(jobs_on_update(&f->server, id, job, body), 0);
	commit(f);
	json_decref(body);
	json_decref(document);
}

static void update(struct fixture *f, const char *id, const char *status)
{
	update_step(f, id, status, NULL);
}

static void succeed(struct fixture *f, const char *id, const char *digest)
{
	update(f, id, "IN_PROGRESS");
	report(f, id, digest);
	update(f, id, "SUCCEEDED");
}

static void expect_target(struct fixture *f, const char *id, enum target_state state)
{
	struct store_target target;
	if (store_target_get(f->server.store, f->rollout, id, &target) != 0)
		fail_msg("%s is not in the rollout", id);
	if (target.target.state != state)
		fail_msg("%s is %s, not %s", id, target_state_name(target.target.state), target_state_name(state));
}

static void expect_state(struct fixture *f, const char *state)
{
	json_t *json;
	assert_int_equal(rollouts_json(&f->server, &ann, f->rollout, &json), 0);
	assert_string_equal(json_string_value(json_object_get(json, "state")), state);
	json_decref(json);
}

static size_t in_state(struct fixture *f, enum target_state state)
{
	json_t *rows;
	assert_int_equal(store_targets_in(f->server.store, f->rollout, state, 100, &rows), 0);
	size_t count = json_array_size(rows);
	json_decref(rows);
	return count;
}

#define BY_ID "\"waves\":[{\"order\":\"id\"}]"

/* ---- tests ---- */

static void four_eyes(void **state)
{
	struct fixture *f = *state;
	create(f, "\"approvals\":1," BY_ID);
	assert_int_equal(act(f, &ann, VERB_START), ROLLOUTS_CONFLICT);
	assert_int_equal(act(f, &ann, VERB_APPROVE), ROLLOUTS_CONFLICT);
	assert_non_null(strstr(f->error.cause, "ann"));
	assert_int_equal(act(f, &stranger, VERB_APPROVE), ROLLOUTS_NONE);
	assert_int_equal(act(f, &bob, VERB_APPROVE), ROLLOUTS_DONE);
	assert_int_equal(act(f, &bob, VERB_APPROVE), ROLLOUTS_CONFLICT);
	assert_int_equal(act(f, &ann, VERB_START), ROLLOUTS_DONE);
	expect_state(f, "running");
	assert_int_equal(act(f, &ann, VERB_START), ROLLOUTS_CONFLICT);
}

static void who_is_in_which_wave(void **state)
{
	struct fixture *f = *state;
	json_t *plan;
	char first[33];
	start(f, "\"waves\":[{\"count\":1,\"order\":\"attribute:age\"},{\"percent\":21,\"order\":\"id\"},{\"selector\":"
		 "\"age!=6\"}]");
	expect_target(f, "d5", TARGET_OFFERED); /* age 4 */
	expect_target(f, "d1", TARGET_PENDING); /* 21 % of 5: two */
	struct store_target target;
	assert_int_equal(store_target_get(f->server.store, f->rollout, "d2", &target), 0);
	assert_int_equal(target.wave, 1);
	assert_int_equal(store_target_get(f->server.store, f->rollout, "d4", &target), 0);
	assert_int_equal(target.wave, 2);
	assert_int_equal(store_target_get(f->server.store, f->rollout, "d3", &target), STORE_NONE);
	assert_int_equal(store_target_get(f->server.store, f->rollout, "other", &target), STORE_NONE);
	/* A second rollout of the app gets what the first leaves, and says so. */
	memcpy(first, f->rollout, sizeof first);
	create(f, BY_ID);
	struct rollout_description *description = malloc(sizeof *description);
	json_t *json = json_loads("{\"image\":\"" NEW "\"," BY_ID "}", 0, NULL);
	assert_int_equal(rollout_spec_parse(json, description, &f->error), 0);
	assert_int_equal(rollouts_plan(&f->server, &ann, description, &plan, &f->error), ROLLOUTS_DONE);
	assert_int_equal(json_integer_value(json_object_get(plan, "inOtherRollouts")), 4);
	assert_int_equal(json_integer_value(json_object_get(plan, "devices")), 1);
	json_decref(plan);
	json_decref(json);
	free(description);
	assert_int_equal(act(f, &ann, VERB_START), ROLLOUTS_DONE);
	expect_target(f, "d3", TARGET_OFFERED);
}

static void another_try(void **state)
{
	struct fixture *f = *state;
	char job[65];
	start(f, "\"stop\":[],\"selector\":\"id=d1\",\"device\":{\"retries\":1,\"retryDelayS\":300}," BY_ID);
	json_t *document = job_of(f, "d1", job);
	assert_null(json_object_get(document, "retry"));
	json_decref(document);
	update(f, "d1", "FAILED");
	expect_target(f, "d1", TARGET_PENDING);
	pass_s(f, 290);
	expect_target(f, "d1", TARGET_PENDING);
	pass_s(f, 20);
	expect_target(f, "d1", TARGET_OFFERED);
	document = job_of(f, "d1", job);
	assert_true(json_is_true(json_object_get(document, "retry")));
	json_decref(document);
	update(f, "d1", "FAILED");
	expect_target(f, "d1", TARGET_FAILED);
	expect_state(f, "paused"); /* its gate cannot be satisfied any more */
	assert_int_equal(act(f, &ann, VERB_RETRY), ROLLOUTS_DONE);
	assert_int_equal(act(f, &ann, VERB_RESUME), ROLLOUTS_DONE);
	succeed(f, "d1", NEW);
	expect_state(f, "complete");
}

static void what_runs_is_the_truth(void **state)
{
	struct fixture *f = *state;
	start(f, "\"stop\":[],\"device\":{\"retries\":1,\"retryDelayS\":0},\"waves\":[{\"order\":\"id\","
		 "\"maxInFlight\":2}]");
	update(f, "d1", "IN_PROGRESS");
	update(f, "d1", "SUCCEEDED"); /* but it never reported the image */
	expect_target(f, "d1", TARGET_ACTIVE);
	report(f, "d1", NEW);
	expect_target(f, "d1", TARGET_SUCCEEDED);
	report(f, "d1", LOST);
	expect_target(f, "d1", TARGET_PENDING); /* re-armed */
	report(f, "d3", NEW);
	expect_target(f, "d3", TARGET_SUCCEEDED); /* flashed by hand: there is room for another */
	expect_target(f, "d1", TARGET_OFFERED);
}

static void expect_job(struct fixture *f, const char *id, enum job_status status)
{
	struct store_job job;
	assert_int_equal(store_job_get(f->server.store, id, &job), 0);
	if (job.status != status)
		fail_msg("the job is %s, not %s", job_status_name(job.status), job_status_name(status));
	store_job_free(&job);
}

static int64_t count(struct fixture *f, const char *sql, const char *id)
{
	sqlite3_stmt *stmt;
	assert_int_equal(store_find(f->server.store, &stmt, sql, "s", id), 0);
	int64_t n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* A broker that dies takes with it what a device said about its job. What it runs it says again. */
static void its_report_comes_before_its_words(void **state)
{
	struct fixture *f = *state;
	char job[65];
	start(f, "\"stop\":[],\"selector\":\"id=d1\",\"device\":{\"retries\":1,\"retryDelayS\":0}," BY_ID);
	update(f, "d1", "FAILED");
	pass_s(f, 4);
	json_decref(job_of(f, "d1", job));
	report(f, "d1", NEW);
	expect_target(f, "d1", TARGET_SUCCEEDED);
	expect_job(f, job, JOB_SUCCEEDED);
	assert_int_equal(count(f, "SELECT count(*) FROM devices WHERE id = ? AND last_error IS NOT NULL", "d1"), 0);
	/* Then its words: nobody needs to look. */
	json_t *body = json_pack("{s:s, s:i}", "status", "SUCCEEDED", "expectedVersion", 1);
	group(f);
	assert_int_equal(jobs_on_update(&f->server, "d1", job, body), 0);
	commit(f);
	json_decref(body);
	assert_int_equal(count(f, "SELECT count(*) FROM events WHERE device = ? AND kind = 'job-late'", "d1"), 0);
	assert_int_equal(count(f, "SELECT count(*) FROM events WHERE device = ? AND kind = 'job-ended'", "d1"), 2);
	expect_state(f, "complete");
}

/* The same on its way back: no job stays queued for a device that is back already. */
static void its_report_comes_before_its_words_back(void **state)
{
	struct fixture *f = *state;
	char job[65];
	start(f, "\"stop\":[],\"selector\":\"id=d1\"," BY_ID);
	update(f, "d1", "IN_PROGRESS");
	assert_int_equal(act(f, &ann, VERB_ROLLBACK), ROLLOUTS_DONE);
	report(f, "d1", NEW);
	expect_target(f, "d1", TARGET_REVERTING);
	json_decref(job_of(f, "d1", job));
	report(f, "d1", BEFORE);
	expect_target(f, "d1", TARGET_REVERTED);
	expect_job(f, job, JOB_SUCCEEDED);
	expect_state(f, "reverted");
}

/* What it said last about a job is what its next one waits for. */
static void its_words_come_last(void **state)
{
	struct fixture *f = *state;
	start(f, "\"stop\":[],\"device\":{\"retries\":1,\"retryDelayS\":0}," BY_ID);
	update(f, "d1", "IN_PROGRESS");
	report(f, "d1", NEW);
	report(f, "d1", LOST);
	expect_target(f, "d1", TARGET_PENDING);
	update(f, "d1", "SUCCEEDED");
	expect_target(f, "d1", TARGET_OFFERED);
}

static void its_words_come_last_back(void **state)
{
	struct fixture *f = *state;
	start(f, "\"stop\":[],\"waves\":[{\"order\":\"id\",\"maxInFlight\":1}]");
	update(f, "d1", "IN_PROGRESS");
	report(f, "d1", NEW);
	assert_int_equal(act(f, &ann, VERB_ROLLBACK), ROLLOUTS_DONE);
	expect_target(f, "d1", TARGET_REVERT);
	update(f, "d1", "SUCCEEDED");
	expect_target(f, "d1", TARGET_REVERTING);
}

/* Of a device that one rollout lets go another waits for. */
static void another_rollouts_turn(void **state)
{
	struct fixture *f = *state;
	char first[33], second[33];
	group(f);
	add_image(f, LOST);
	assert_int_equal(store_run(f->server.store, "UPDATE images SET app = 'lamp' WHERE digest = ?", "s", LOST), 0);
	commit(f);
	start(f, "\"selector\":\"id=d1\"," BY_ID);
	memcpy(first, f->rollout, sizeof first);
	create_for(f, LOST, "\"selector\":\"id=d1\"," BY_ID);
	assert_int_equal(act(f, &ann, VERB_START), ROLLOUTS_DONE);
	memcpy(second, f->rollout, sizeof second);
	pass_s(f, 4);
	expect_target(f, "d1", TARGET_PENDING);
	memcpy(f->rollout, first, sizeof first);
	assert_int_equal(act(f, &ann, VERB_ABORT), ROLLOUTS_DONE);
	memcpy(f->rollout, second, sizeof second);
	pass_s(f, 4);
	expect_target(f, "d1", TARGET_OFFERED);
}

/* However many may be in flight: so many are at the artifact server at once, of all rollouts; who is offline is not there. */
static void downloads_max(void **state)
{
	struct fixture *f = *state;
	f->server.settings.downloads_max = 2;
	start(f, "\"stop\":[]," BY_ID);
	pass_s(f, 4);
	expect_target(f, "d2", TARGET_OFFERED);
	assert_int_equal(in_state(f, TARGET_OFFERED), 2);
	update_step(f, "d1", "IN_PROGRESS", "download");
	pass_s(f, 4);
	expect_target(f, "d3", TARGET_PENDING);
	update_step(f, "d1", "IN_PROGRESS", "reboot");
	pass_s(f, 4);
	expect_target(f, "d3", TARGET_OFFERED);
	expect_target(f, "d4", TARGET_PENDING);
	online(f, "d2", false);
	pass_s(f, 4);
	expect_target(f, "d4", TARGET_OFFERED);
	online(f, "d2", true);
	pass_s(f, 4);
	expect_target(f, "d5", TARGET_PENDING);
	/* It fetches again, after a power cut: it counts again. */
	succeed(f, "d3", NEW);
	update_step(f, "d1", "IN_PROGRESS", "download");
	pass_s(f, 4);
	expect_target(f, "d5", TARGET_PENDING);
	succeed(f, "d1", NEW);
	succeed(f, "d4", NEW);
	pass_s(f, 4);
	expect_target(f, "d5", TARGET_OFFERED);
}

/* Neither has to wait until all of the other's are through. */
static void downloads_are_shared(void **state)
{
	struct fixture *f = *state;
	char first[33];
	group(f);
	add_image(f, LOST);
	commit(f);
	f->server.settings.downloads_max = 2;
	start(f, "\"selector\":\"id in (d1 d2 d3)\"," BY_ID);
	pass_s(f, 4);
	memcpy(first, f->rollout, sizeof first);
	create_for(f, LOST, "\"selector\":\"id in (d4 d5)\"," BY_ID);
	assert_int_equal(act(f, &ann, VERB_START), ROLLOUTS_DONE);
	pass_s(f, 4);
	assert_int_equal(in_state(f, TARGET_OFFERED), 0);
	group(f);
	assert_int_equal(
		store_run(f->server.store, "UPDATE jobs SET has_payload = 1 WHERE device IN ('d1', 'd2')", ""), 0);
	commit(f);
	pass_s(f, 4);
	assert_int_equal(in_state(f, TARGET_OFFERED), 1);
	memcpy(f->rollout, first, sizeof first);
	expect_target(f, "d3", TARGET_OFFERED);
}

static void offline_policies(void **state)
{
	struct fixture *f = *state;
	online(f, "d1", false);
	online(f, "d2", false);
	start(f, "\"stop\":[],\"offline\":{\"policy\":\"skip\"},\"selector\":\"id in (d1 d3)\"," BY_ID);
	expect_target(f, "d1", TARGET_SKIPPED);
	expect_target(f, "d3", TARGET_OFFERED);
	succeed(f, "d3", NEW);
	expect_state(f, "complete");
	start(f, "\"stop\":[],\"offline\":{\"policy\":\"deadline\",\"afterS\":600},\"selector\":\"id in (d1 "
		 "d2)\"," BY_ID);
	pass_s(f, 500);
	expect_target(f, "d1", TARGET_PENDING);
	online(f, "d1", true);
	expect_target(f, "d1", TARGET_OFFERED);
	pass_s(f, 200);
	expect_target(f, "d2", TARGET_SKIPPED);
	expect_target(f, "d1", TARGET_OFFERED);
	online(f, "d1", false);
	pass_s(f, 500);
	expect_target(f, "d1", TARGET_OFFERED);
	pass_s(f, 200);
	expect_target(f, "d1", TARGET_SKIPPED);
	expect_state(f, "complete");
}

static void late_ones(void **state)
{
	struct fixture *f = *state;
	start(f, "\"stop\":[],\"device\":{\"timeoutS\":600,\"retries\":0},\"selector\":\"id in (d1 d2)\"," BY_ID);
	update(f, "d1", "IN_PROGRESS");
	online(f, "d2", false);
	pass_s(f, 590);
	expect_target(f, "d1", TARGET_ACTIVE);
	pass_s(f, 20);
	expect_target(f, "d1", TARGET_TIMED_OUT);
	expect_target(f, "d2", TARGET_OFFERED); /* offline: waited for */
	online(f, "d2", true);
	pass_s(f, 590);
	expect_target(f, "d2", TARGET_OFFERED); /* its time counts anew */
	pass_s(f, 20);
	expect_target(f, "d2", TARGET_TIMED_OUT);
}

static void windows(void **state)
{
	struct fixture *f = *state;
	group(f);
	assert_int_equal(
		store_run(f->server.store, "UPDATE devices SET attributes = '{\"timezone\":\"Nowhere\"}' WHERE id = ?",
			"s", "d2"),
		0);
	commit(f);
	/* 02:00 to 03:00 in UTC+1; it is 01:00 there. */
	start(f, "\"stop\":[],\"windows\":{\"download\":\"0 1 * * */180\",\"flash\":\"0 2 * * "
		 "*/60\"},\"selector\":\"id in (d1 d2)\"," BY_ID);
	expect_target(f, "d1", TARGET_PENDING);
	expect_target(f, "d2", TARGET_SKIPPED);
	pass_s(f, 3590);
	expect_target(f, "d1", TARGET_PENDING);
	pass_s(f, 20);
	expect_target(f, "d1", TARGET_OFFERED);
}

static void pause_takes_back(void **state)
{
	struct fixture *f = *state;
	char job[65];
	struct store_job row;
	start(f, "\"waves\":[{\"order\":\"id\",\"maxInFlight\":2}]");
	json_decref(job_of(f, "d1", job));
	update(f, "d2", "IN_PROGRESS");
	assert_int_equal(act(f, &ann, VERB_PAUSE), ROLLOUTS_DONE);
	expect_target(f, "d1", TARGET_PENDING);
	expect_target(f, "d2", TARGET_ACTIVE);
	assert_int_equal(store_job_get(f->server.store, job, &row), 0);
	assert_int_equal(row.status, JOB_CANCELED);
	store_job_free(&row);
	report(f, "d2", NEW);
	pass_s(f, 1000);
	assert_int_equal(in_state(f, TARGET_OFFERED), 0);
	assert_int_equal(act(f, &ann, VERB_RESUME), ROLLOUTS_DONE);
	expect_target(f, "d1", TARGET_OFFERED);
	struct store_target target;
	assert_int_equal(store_target_get(f->server.store, f->rollout, "d1", &target), 0);
	assert_int_equal(target.target.tries_left, 1); /* that one was no try */
}

/* A pause does not shorten what was to be watched, and a wave in which everybody failed opens nothing at once. */
static void resume_soaks_anew(void **state)
{
	struct fixture *f = *state;
	start(f, "\"stop\":[],\"device\":{\"retries\":0},\"waves\":[{\"order\":\"id\",\"count\":1,\"advance\":{"
		 "\"soakS\":600}},{\"order\":"
		 "\"id\",\"count\":1,\"advance\":{\"soakS\":600}},{}]");
	succeed(f, "d1", NEW);
	pass_s(f, 300);
	assert_int_equal(act(f, &ann, VERB_PAUSE), ROLLOUTS_DONE);
	assert_int_equal(act(f, &ann, VERB_RESUME), ROLLOUTS_DONE);
	pass_s(f, 590);
	expect_target(f, "d2", TARGET_PENDING);
	pass_s(f, 20);
	expect_target(f, "d2", TARGET_OFFERED);
	update(f, "d2", "FAILED");
	expect_state(f, "paused");
	assert_int_equal(act(f, &ann, VERB_RESUME), ROLLOUTS_DONE);
	pass_s(f, 590);
	assert_int_equal(in_state(f, TARGET_OFFERED), 0);
	pass_s(f, 20); /* the operator has looked at it, and time to watch was given */
	assert_int_equal(in_state(f, TARGET_OFFERED), 3);
}

static void stop_and_go_back(void **state)
{
	struct fixture *f = *state;
	report(f, "d2", LOST); /* an image that the server does not have */
	start(f, "\"stop\":[{\"on\":\"rejected\",\"min\":1,\"percent\":0,\"action\":\"rollback\"}],\"waves\":[{"
		 "\"order\":\"id\","
		 "\"maxInFlight\":4}]");
	succeed(f, "d1", NEW);
	succeed(f, "d2", NEW);
	update(f, "d4", "IN_PROGRESS");
	update(f, "d3", "REJECTED");
	expect_state(f, "reverting");
	expect_target(f, "d5", TARGET_CANCELED);
	expect_target(f, "d2", TARGET_STRANDED);
	expect_target(f, "d1", TARGET_REVERTING);
	char job[65];
	struct store_job row;
	json_decref(job_of(f, "d1", job));
	assert_int_equal(store_job_get(f->server.store, job, &row), 0);
	assert_string_equal(row.digest, BEFORE);
	store_job_free(&row);
	succeed(f, "d1", BEFORE);
	expect_target(f, "d1", TARGET_REVERTED);
	/* d4 was past cancelling: it runs the image, and is brought back too. */
	report(f, "d4", NEW);
	expect_target(f, "d4", TARGET_REVERTING);
	succeed(f, "d4", BEFORE);
	expect_state(f, "reverted");
}

static void late_joiners(void **state)
{
	struct fixture *f = *state;
	start(f, "\"members\":\"continuous\",\"selector\":\"age=1\",\"waves\":[{\"name\":\"canary\",\"count\":1},{"
		 "\"name\":\"rest\"}]");
	expect_state(f, "running");
	add_device(f, "late-1", "{\"age\":\"1\"}");
	pass_s(f, 60);
	expect_target(f, "late-1", TARGET_OFFERED);
	add_device(f, "late-2", "{\"age\":\"1\"}");
	pass_s(f, 60);
	struct store_target target;
	assert_int_equal(store_target_get(f->server.store, f->rollout, "late-2", &target), 0);
	assert_int_equal(target.wave, 1);
	succeed(f, "late-1", NEW);
	succeed(f, "late-2", NEW);
	expect_state(f, "running");
	assert_int_equal(act(f, &ann, VERB_CLOSE), ROLLOUTS_DONE);
	expect_state(f, "complete");
}

static void gone(void **state)
{
	struct fixture *f = *state;
	start(f, "\"stop\":[],\"selector\":\"id in (d1 d2)\",\"waves\":[{\"order\":\"id\",\"maxInFlight\":1}]");
	group(f);
	assert_int_equal(
		store_run(f->server.store, "UPDATE devices SET state = 'retired' WHERE id IN ('d1', ?)", "s", "d2"), 0);
	commit(f);
	pass_s(f, 5);
	expect_target(f, "d1", TARGET_SKIPPED);
	expect_target(f, "d2", TARGET_SKIPPED);
	expect_state(f, "complete");
}

/* Others' acts are written down, with who did them. */
static void audited(void **state)
{
	struct fixture *f = *state;
	json_t *rows;
	start(f, BY_ID);
	assert_int_equal(act(f, &bob, VERB_ABORT), ROLLOUTS_DONE);
	assert_int_equal(store_audit_json(f->server.store, "", 0, &rows), 0);
	assert_int_equal(json_array_size(rows), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 2), "action")), "rollout.abort");
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 2), "actor")), "bob");
	json_decref(rows);
	expect_state(f, "aborted");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(four_eyes),
		TEST(who_is_in_which_wave),
		TEST(another_try),
		TEST(what_runs_is_the_truth),
		TEST(its_report_comes_before_its_words),
		TEST(its_report_comes_before_its_words_back),
		TEST(its_words_come_last),
		TEST(its_words_come_last_back),
		TEST(another_rollouts_turn),
		TEST(downloads_max),
		TEST(downloads_are_shared),
		TEST(offline_policies),
		TEST(late_ones),
		TEST(windows),
		TEST(pause_takes_back),
		TEST(resume_soaks_anew),
		TEST(stop_and_go_back),
		TEST(late_joiners),
		TEST(gone),
		TEST(audited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
