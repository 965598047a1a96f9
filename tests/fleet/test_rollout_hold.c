/* SPDX-License-Identifier: Apache-2.0 */
/* skerryd's rollouts against a real database: windows for download and reset apart. */
#include "rollouts_rig.h"

/* Download from 01:00 to 02:00, reset from 03:00 to 04:00 in UTC+1, where it is 01:00. */
#define APART                                                                                                          \
	"\"stop\":[],\"windows\":{\"download\":\"0 1 * * */60\",\"flash\":\"0 3 * * "                                  \
	"*/60\"},\"device\":{\"timeoutS\":600,"                                                                        \
	"\"retries\":0},\"selector\":\"id=d1\"," BY_ID

static void report_holding(struct fixture *f, const char *id, const char *digest)
{
	struct store_report report = {.digest = digest, .mode = "normal"};
	json_t *body = json_pack("{s:b}", "holds", 1);
	group(f);
	assert_int_equal(devices_on_report(&f->server, id, body, &report), 0);
	commit(f);
	json_decref(body);
}

static void say_step(struct fixture *f, const char *id, const char *step)
{
	update_step(f, id, "IN_PROGRESS", step);
}

/* What the device would be told if it asked now. */
static void expect_word(struct fixture *f, const char *id, const char *expected)
{
	struct store_job job;
	const char *word;
	group(f);
	assert_int_equal(rollouts_on_get(&f->server, id), 0);
	assert_int_equal(store_job_next(f->server.store, id, &job), 0);
	assert_int_equal(rollouts_reset_word(&f->server, &job, &word), 0);
	store_job_free(&job);
	commit(f);
	if (!expected)
		assert_null(word);
	else
		assert_string_equal(word, expected);
}

static bool is_rung(struct fixture *f, const char *id)
{
	const char *device = bell_due(&f->server.bells, INT64_MAX / 2);
	return device && strcmp(device, id) == 0;
}

static void start_held(struct fixture *f)
{
	report_holding(f, "d1", BEFORE);
	start(f, APART);
	expect_target(f, "d1", TARGET_OFFERED);
	expect_word(f, "d1", "hold");
	say_step(f, "d1", "download");
	expect_word(f, "d1", "hold");
	say_step(f, "d1", "hold");
	expect_target(f, "d1", TARGET_HELD);
	expect_word(f, "d1", "hold");
	bell_free(&f->server.bells);
	f->server.bells = (struct bells){0};
}

static void resets_in_its_own_window(void **state)
{
	struct fixture *f = *state;
	struct store_target target;
	start_held(f);
	/* Two hours: twelve times its timeout. */
	pass_s(f, 7100);
	expect_target(f, "d1", TARGET_HELD);
	assert_false(is_rung(f, "d1"));
	pass_s(f, 200);
	expect_target(f, "d1", TARGET_ACTIVE);
	assert_true(is_rung(f, "d1"));
	expect_word(f, "d1", "now");
	assert_int_equal(store_target_get(f->server.store, f->rollout, "d1", &target), 0);
	assert_in_range(target.started_ms, START + 7200 * 1000, f->server.now_ms);
	say_step(f, "d1", "reboot");
	expect_target(f, "d1", TARGET_ACTIVE);
	succeed(f, "d1", NEW);
	expect_state(f, "complete");
}

/* It was not there, or did not act: the next night. Within the window its time runs. */
static void a_window_that_it_missed(void **state)
{
	struct fixture *f = *state;
	start_held(f);
	pass_s(f, 7300);
	expect_word(f, "d1", "now");
	f->server.now_ms = START + 3 * 3600 * 1000;
	expect_word(f, "d1", "hold");
	say_step(f, "d1", "hold");
	expect_target(f, "d1", TARGET_HELD);
	pass_s(f, 20 * 3600);
	expect_target(f, "d1", TARGET_HELD);
	pass_s(f, 3 * 3600 + 200);
	expect_target(f, "d1", TARGET_ACTIVE);
	/* It says what it said: that is no new time. */
	pass_s(f, 300);
	say_step(f, "d1", "hold");
	expect_word(f, "d1", "now");
	pass_s(f, 320);
	expect_target(f, "d1", TARGET_TIMED_OUT);
}

/* It was switched off for the night: nobody's fault. It comes back in the next one. */
static void a_window_that_it_slept_through(void **state)
{
	struct fixture *f = *state;
	start_held(f);
	online(f, "d1", false);
	pass_s(f, 7300);
	pass_s(f, 2000);
	expect_target(f, "d1", TARGET_HELD);
	f->server.now_ms = START + 5 * 3600 * 1000;
	online(f, "d1", true);
	pass_s(f, 4);
	expect_target(f, "d1", TARGET_HELD);
	online(f, "d1", false);
	f->server.now_ms = START + (24 + 2) * 3600 * 1000;
	pass_s(f, 1000);
	expect_target(f, "d1", TARGET_HELD);
	online(f, "d1", true);
	pass_s(f, 4);
	expect_target(f, "d1", TARGET_ACTIVE);
	expect_word(f, "d1", "now");
}

/* A release is for what it held; after a reset it has to say so anew. */
static void a_restart_needs_another_release(void **state)
{
	struct fixture *f = *state;
	start_held(f);
	say_step(f, "d1", "download");
	expect_target(f, "d1", TARGET_ACTIVE);
	say_step(f, "d1", "hold");
	expect_target(f, "d1", TARGET_HELD);
	pass_s(f, 7300);
	expect_word(f, "d1", "now");
	say_step(f, "d1", "download");
	expect_word(f, "d1", "hold");
	bell_free(&f->server.bells);
	f->server.bells = (struct bells){0};
	say_step(f, "d1", "hold");
	assert_true(is_rung(f, "d1"));
	expect_word(f, "d1", "now");
}

static void nobody_resets_while_it_is_paused(void **state)
{
	struct fixture *f = *state;
	start_held(f);
	assert_int_equal(act(f, &ann, VERB_PAUSE), ROLLOUTS_DONE);
	pass_s(f, 7300);
	expect_target(f, "d1", TARGET_HELD);
	expect_word(f, "d1", "hold");
	assert_int_equal(act(f, &ann, VERB_RESUME), ROLLOUTS_DONE);
	pass_s(f, 4);
	expect_word(f, "d1", "now");
	assert_int_equal(act(f, &ann, VERB_PAUSE), ROLLOUTS_DONE);
	expect_word(f, "d1", "hold");
	say_step(f, "d1", "hold");
	expect_target(f, "d1", TARGET_HELD);
}

static void what_holds_is_aborted(void **state)
{
	struct fixture *f = *state;
	char job[65];
	start_held(f);
	json_decref(job_of(f, "d1", job));
	assert_int_equal(act(f, &ann, VERB_ABORT), ROLLOUTS_DONE);
	expect_job(f, job, JOB_CANCELED);
	group(f);
	assert_int_equal(rollouts_on_get(&f->server, "d1"), 0);
	commit(f);
	expect_target(f, "d1", TARGET_CANCELED);
	expect_state(f, "aborted");
}

/* One whose agent resets when it is ready may begin only when it may do both; here never. */
static void agents_that_cannot_hold(void **state)
{
	struct fixture *f = *state;
	struct rollout_description *description = malloc(sizeof *description);
	json_t *plan, *json = json_loads(
			      "{\"image\":\"" NEW "\",\"windows\":{\"flash\":\"0 3 * * */60\"}," BY_ID "}", 0, NULL);
	report_holding(f, "d2", BEFORE);
	assert_int_equal(rollout_spec_parse(json, description, &f->error), 0);
	assert_int_equal(rollouts_plan(&f->server, &ann, description, &plan, &f->error), ROLLOUTS_DONE);
	assert_int_equal(json_integer_value(json_object_get(plan, "cannotHold")), 4);
	json_decref(plan);
	json_decref(json);
	free(description);
	start(f, APART);
	expect_target(f, "d1", TARGET_PENDING);
	pass_s(f, 24 * 3600);
	expect_target(f, "d1", TARGET_PENDING);
}

static void without_windows_nobody_holds(void **state)
{
	struct fixture *f = *state;
	report_holding(f, "d1", BEFORE);
	start(f, "\"stop\":[],\"windows\":{\"download\":\"0 1 * * */60\"},\"selector\":\"id=d1\"," BY_ID);
	expect_target(f, "d1", TARGET_OFFERED);
	expect_word(f, "d1", NULL);
	say_step(f, "d1", "hold"); /* nobody told it to */
	expect_target(f, "d1", TARGET_ACTIVE);
}

/* Silence is no fault of a device that was told to wait. */
static void silence_of_one_that_holds(void **state)
{
	struct fixture *f = *state;
	struct store_job job;
	start_held(f);
	assert_int_equal(store_job_silent(f->server.store, INT64_MAX, &job), STORE_NONE);
	pass_s(f, 7300);
	assert_int_equal(store_job_silent(f->server.store, INT64_MAX, &job), 0);
	store_job_free(&job);
}

static void zone(struct fixture *f, const char *id, const char *name)
{
	json_t *patch = json_pack("{s:s}", "timezone", name);
	group(f);
	assert_int_equal(devices_set_attributes(&f->server, id, patch, &f->error), 0);
	commit(f);
	json_decref(patch);
}

/* The operator says where it is: its windows are there at once. */
static void another_time_zone(void **state)
{
	struct fixture *f = *state;
	report_holding(f, "d1", BEFORE);
	zone(f, "d1", "+09:00");
	start(f, APART);
	expect_target(f, "d1", TARGET_PENDING);
	zone(f, "d1", "+01:00");
	expect_target(f, "d1", TARGET_OFFERED);
	say_step(f, "d1", "hold");
	expect_target(f, "d1", TARGET_HELD);
	zone(f, "d1", "Nowhere");
	expect_target(f, "d1", TARGET_HELD);
	zone(f, "d1", "+03:00");
	expect_target(f, "d1", TARGET_ACTIVE);
	expect_word(f, "d1", "now");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(resets_in_its_own_window),
		RIG_TEST(a_window_that_it_missed),
		RIG_TEST(a_window_that_it_slept_through),
		RIG_TEST(a_restart_needs_another_release),
		RIG_TEST(nobody_resets_while_it_is_paused),
		RIG_TEST(what_holds_is_aborted),
		RIG_TEST(agents_that_cannot_hold),
		RIG_TEST(without_windows_nobody_holds),
		RIG_TEST(silence_of_one_that_holds),
		RIG_TEST(another_time_zone),
	};
	return cmocka_run_group_tests_name("fleet/rollout_hold", tests, NULL, NULL);
}
