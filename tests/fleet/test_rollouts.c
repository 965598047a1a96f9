/* SPDX-License-Identifier: Apache-2.0 */
/* skerryd's rollouts against a real database, one rule of fleet/ROLLOUTS.md at a time. */
#include "rollouts_rig.h"

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
	const struct CMUnitTest tests[] = {
		RIG_TEST(four_eyes),
		RIG_TEST(who_is_in_which_wave),
		RIG_TEST(another_try),
		RIG_TEST(what_runs_is_the_truth),
		RIG_TEST(its_report_comes_before_its_words),
		RIG_TEST(its_report_comes_before_its_words_back),
		RIG_TEST(its_words_come_last),
		RIG_TEST(its_words_come_last_back),
		RIG_TEST(another_rollouts_turn),
		RIG_TEST(downloads_max),
		RIG_TEST(downloads_are_shared),
		RIG_TEST(offline_policies),
		RIG_TEST(late_ones),
		RIG_TEST(windows),
		RIG_TEST(pause_takes_back),
		RIG_TEST(resume_soaks_anew),
		RIG_TEST(stop_and_go_back),
		RIG_TEST(late_joiners),
		RIG_TEST(gone),
		RIG_TEST(audited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
