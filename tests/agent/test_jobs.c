/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <psa/crypto.h>
#include <stdio.h>

#include "fake_platform.h"
#include "json.h"
#include "test.h"

/* What the jobs published and told the core. */
static struct {
	char suffix[128], json[1024];
	unsigned int count;
	int error; /* of the next publish */
} sent;
static struct {
	unsigned int jobs, idles, acks;
	char job_id[OTA_JOB_ID_MAX], acked_id[OTA_JOB_ID_MAX], assignment[64], nonce[64];
	uint32_t version, acked_version;
	int result;
} core;
static struct jobs jobs;

static int fake_publish(void *ctx, const char *suffix, const char *json, size_t len)
{
	(void)ctx;
	if (sent.error != 0)
		return sent.error;
	snprintf(sent.suffix, sizeof(sent.suffix), "%s", suffix);
	snprintf(sent.json, sizeof(sent.json), "%.*s", (int)len, json);
	sent.count++;
	return 0;
}

static void told_note(const uint8_t *assignment, size_t len, const uint8_t *nonce, size_t nonce_len)
{
	snprintf(core.assignment, sizeof(core.assignment), "%.*s", (int)len, (const char *)assignment);
	snprintf(core.nonce, sizeof(core.nonce), "%.*s", (int)nonce_len, (const char *)nonce);
}

static int fake_job(void *ctx, const struct ota_job *job)
{
	(void)ctx;
	core.jobs++;
	snprintf(core.job_id, sizeof(core.job_id), "%s", job->id);
	core.version = job->version;
	told_note(job->assignment, job->assignment_len, job->nonce, job->nonce_len);
	return core.result;
}

static void fake_idle(void *ctx, const struct jobs_idle *idle)
{
	(void)ctx;
	core.idles++;
	told_note(idle->assignment, idle->assignment_len, idle->nonce, idle->nonce_len);
}

static uint32_t fake_keyset(void *ctx)
{
	(void)ctx;
	return 7;
}

static void fake_acked(void *ctx, const char *id, uint32_t version)
{
	(void)ctx;
	core.acks++;
	snprintf(core.acked_id, sizeof(core.acked_id), "%s", id);
	core.acked_version = version;
}

static const struct jobs_port port = {fake_publish, fake_job, fake_idle, fake_acked, fake_keyset};

/* Let time pass and the jobs act. */
static void pass(uint64_t ms)
{
	fake_now_ms += ms;
	jobs_poll(&jobs);
}

/* Whatever is under way, the next message is there after so long at the latest. */
static void pass_until_sent(unsigned int count)
{
	for (int i = 0; i < 2000 && sent.count < count; i++)
		pass(100);
	assert_int_equal(sent.count, count);
}

static int set_up(void **state)
{
	(void)state;
	memset(&sent, 0, sizeof(sent));
	memset(&core, 0, sizeof(core));
	jobs_init(&jobs, &port, NULL);
	return 0;
}

static void token_of_sent(char *token, size_t cap)
{
	struct json root, value;

	assert_int_equal(json_parse(sent.json, strlen(sent.json), &root), 0);
	assert_true(json_member(&root, "clientToken", &value));
	assert_true(json_string(&value, token, cap) > 0);
}

/* An answer on `suffix`: `{"clientToken":<that of the last message>` and then `members`. */
static void answer(const char *suffix, const char *members)
{
	char token[64], text[1024];

	token_of_sent(token, sizeof(token));
	snprintf(text, sizeof(text), "{\"clientToken\":\"%s\"%s%s}", token, *members ? "," : "", members);
	jobs_on_message(&jobs, suffix, text, strlen(text));
}

static void answer_with_job(const char *id, unsigned int version)
{
	char members[512];

	snprintf(members, sizeof(members),
		"\"execution\":{\"jobId\":\"%s\",\"status\":\"QUEUED\",\"versionNumber\":%u,"
		"\"jobDocument\":{\"op\":\"install\",\"manifest\":\"Zm9v\",\"urls\":[\"https://a/x\"]}}",
		id, version);
	answer("$next/get/accepted", members);
}

static void tell(enum ota_outcome outcome, enum ota_step step, uint64_t bytes)
{
	struct ota_status status = {
		.job_id = "job-1", .job_version = 1, .outcome = outcome, .step = step, .bytes = bytes, .total = 1000};

	jobs_on_status(&jobs, &status);
}

static void connect_idle(void)
{
	jobs_on_link(&jobs, true);
	pass(0);
	assert_string_equal(sent.suffix, "$next/get");
	answer("$next/get/accepted", "");
}

static void connect_with_job(void)
{
	jobs_on_link(&jobs, true);
	pass(0);
	answer_with_job("job-1", 1);
}

static void asks_at_connect_and_on_the_doorbell(void **state)
{
	(void)state;
	pass(1000);
	assert_int_equal(sent.count, 0);
	connect_idle();
	assert_int_equal(sent.count, 1);
	assert_int_equal(core.idles, 1);
	pass(1000);
	assert_int_equal(sent.count, 1);
	jobs_on_message(&jobs, "notify-next", (char[]){"not even json"}, 13);
	pass(0);
	assert_int_equal(sent.count, 2);
	answer_with_job("job-1", 1);
	assert_int_equal(core.jobs, 1);
	assert_string_equal(core.job_id, "job-1");
	assert_int_equal(core.version, 1);
}

/* The server must know what to sign for, and the core which answer is its own. */
static void question_names_the_keyset_and_its_answer_carries_the_assignment(void **state)
{
	char token[64];

	(void)state;
	jobs_on_link(&jobs, true);
	pass(0);
	assert_non_null(strstr(sent.json, "\"keyset\":7"));
	token_of_sent(token, sizeof(token));
	answer("$next/get/accepted", "\"assignment\":\"Zm9vYmFy\"");
	assert_int_equal(core.idles, 1);
	assert_string_equal(core.assignment, "foobar");
	assert_string_equal(core.nonce, token);
	jobs_on_message(&jobs, "notify-next", (char[]){"{}"}, 2);
	pass(2000);
	token_of_sent(token, sizeof(token));
	answer("$next/get/accepted", "\"assignment\":\"not base64url\"");
	assert_int_equal(core.idles, 2);
	assert_string_equal(core.assignment, "");
	jobs_on_message(&jobs, "notify-next", (char[]){"{}"}, 2);
	pass(2000);
	token_of_sent(token, sizeof(token));
	answer("$next/get/accepted",
		"\"execution\":{\"jobId\":\"job-1\",\"status\":\"QUEUED\",\"versionNumber\":1,"
		"\"jobDocument\":{\"op\":\"install\",\"assignment\":\"Zm9vYmFy\",\"manifest\":\"Zm9v\","
		"\"urls\":[\"https://a/x\"]}}");
	assert_int_equal(core.jobs, 1);
	assert_string_equal(core.assignment, "foobar");
	assert_string_equal(core.nonce, token);
}

/* Refused for a reason that passes: the device has to ask again soon, or the job waits for minutes. */
static void assignment_under_another_keyset_is_asked_for_again_soon(void **state)
{
	(void)state;
	core.result = -OTA_E_KEYSET_VERSION;
	connect_with_job();
	assert_int_equal(sent.count, 1);
	pass(10000);
	assert_int_equal(sent.count, 2);
	assert_string_equal(sent.suffix, "$next/get");
}

static void new_keyset_makes_it_ask_unless_a_question_waits(void **state)
{
	(void)state;
	jobs_on_link(&jobs, true);
	pass(0);
	jobs_on_keyset(&jobs);
	answer("$next/get/accepted", "");
	pass(5000);
	assert_int_equal(sent.count, 1);
	jobs_on_keyset(&jobs);
	pass(0);
	assert_int_equal(sent.count, 2);
}

static void a_doorbell_during_a_question_asks_again(void **state)
{
	(void)state;
	jobs_on_link(&jobs, true);
	pass(0);
	jobs_on_message(&jobs, "notify-next", (char[]){"{}"}, 2);
	pass(0);
	assert_int_equal(sent.count, 1);
	answer("$next/get/accepted", "");
	pass_until_sent(2);
}

/* A server that rings for ever, or offers again what was just refused, must not keep the device busy. */
static void a_doorbell_that_never_stops_is_answered_once_a_second(void **state)
{
	(void)state;
	jobs_on_link(&jobs, true);
	pass(0);
	answer("$next/get/accepted", "");
	for (int i = 0; i < 100; i++) {
		unsigned int before = sent.count;

		jobs_on_message(&jobs, "notify-next", (char[]){"{}"}, 2);
		pass(100);
		if (sent.count > before)
			answer("$next/get/accepted", "");
	}
	assert_in_range(sent.count, 10, 12);
}

static void asks_again_when_nobody_answers(void **state)
{
	(void)state;
	jobs_on_link(&jobs, true);
	pass(0);
	for (unsigned int count = 2; count < 6; count++)
		pass_until_sent(count);
	assert_string_equal(sent.suffix, "$next/get");
}

static void asks_every_few_minutes(void **state)
{
	(void)state;
	connect_idle();
	assert_true(jobs_deadline_ms(&jobs) >= fake_now_ms + 300000);
	assert_true(jobs_deadline_ms(&jobs) <= fake_now_ms + 600000);
	pass(600000);
	assert_int_equal(sent.count, 2);
}

static void ignores_answers_to_others(void **state)
{
	char stale[] = "{\"clientToken\":\"00000000-1\"}";

	(void)state;
	jobs_on_link(&jobs, true);
	pass(0);
	jobs_on_message(&jobs, "$next/get/accepted", stale, strlen(stale));
	assert_int_equal(core.idles, 0);
	answer("$next/get/accepted", "");
	assert_int_equal(core.idles, 1);
}

static void tells_progress_once_a_second_but_steps_at_once(void **state)
{
	(void)state;
	connect_with_job();
	tell(OTA_RUNNING, OTA_STEP_DOWNLOAD, 100);
	pass(0);
	assert_int_equal(sent.count, 2);
	assert_string_equal(sent.suffix, "job-1/update");
	assert_non_null(strstr(sent.json, "\"status\":\"IN_PROGRESS\",\"expectedVersion\":1,"));
	assert_non_null(strstr(sent.json, "\"percent\":10,"));
	answer("job-1/update/accepted", "\"executionState\":{\"status\":\"IN_PROGRESS\",\"versionNumber\":2}");
	assert_int_equal(core.acked_version, 2);
	tell(OTA_RUNNING, OTA_STEP_DOWNLOAD, 200);
	tell(OTA_RUNNING, OTA_STEP_DOWNLOAD, 300);
	pass(500);
	tell(OTA_RUNNING, OTA_STEP_DOWNLOAD, 400);
	pass(400);
	assert_int_equal(sent.count, 2);
	pass(200);
	assert_int_equal(sent.count, 3);
	assert_non_null(strstr(sent.json, "\"expectedVersion\":2,"));
	assert_non_null(strstr(sent.json, "\"percent\":40,"));
	answer("job-1/update/accepted", "\"executionState\":{\"versionNumber\":3}");
	tell(OTA_RUNNING, OTA_STEP_VERIFY, 1000);
	pass(0);
	assert_int_equal(sent.count, 4);
}

static void keeps_the_end_until_it_is_acknowledged(void **state)
{
	(void)state;
	connect_with_job();
	tell(OTA_SUCCEEDED, OTA_STEP_CONFIRM, 1000);
	pass(0);
	assert_int_equal(sent.count, 2);
	assert_false(jobs_is_settled(&jobs));
	/* No answer, then no broker. */
	pass_until_sent(3);
	assert_string_equal(sent.suffix, "job-1/update");
	jobs_on_link(&jobs, false);
	pass(100000);
	assert_int_equal(sent.count, 3);
	assert_int_equal(core.acks, 0);
	/* It goes before the question for the next job, which would still name this one. */
	jobs_on_link(&jobs, true);
	pass(0);
	assert_int_equal(sent.count, 4);
	assert_string_equal(sent.suffix, "job-1/update");
	assert_non_null(strstr(sent.json, "\"status\":\"SUCCEEDED\""));
	answer("job-1/update/accepted", "\"executionState\":{\"versionNumber\":2}");
	assert_int_equal(core.acks, 1);
	assert_string_equal(core.acked_id, "job-1");
	assert_true(jobs_is_settled(&jobs));
	pass(0);
	assert_string_equal(sent.suffix, "$next/get");
}

static void an_answer_to_older_progress_does_not_swallow_the_end(void **state)
{
	char progress_token[64], text[256];

	(void)state;
	connect_with_job();
	tell(OTA_RUNNING, OTA_STEP_TRIAL, 1000);
	pass(0);
	token_of_sent(progress_token, sizeof(progress_token));
	tell(OTA_FAILED, OTA_STEP_TRIAL, 1000);
	pass(0);
	assert_int_equal(sent.count, 2);
	snprintf(text, sizeof(text), "{\"clientToken\":\"%s\",\"executionState\":{\"versionNumber\":7}}",
		progress_token);
	jobs_on_message(&jobs, "job-1/update/accepted", text, strlen(text));
	assert_int_equal(core.acks, 0);
	pass(0);
	assert_int_equal(sent.count, 3);
	assert_non_null(strstr(sent.json, "\"status\":\"FAILED\",\"expectedVersion\":7,"));
}

static void learns_the_version_that_the_server_has(void **state)
{
	(void)state;
	connect_with_job();
	tell(OTA_SUCCEEDED, OTA_STEP_CONFIRM, 1000);
	pass(0);
	answer("job-1/update/rejected", "\"code\":\"VersionMismatch\",\"message\":\"\"");
	pass_until_sent(3);
	assert_string_equal(sent.suffix, "$next/get");
	answer_with_job("job-1", 9);
	assert_int_equal(core.jobs, 1);
	pass_until_sent(4);
	assert_non_null(strstr(sent.json, "\"status\":\"SUCCEEDED\",\"expectedVersion\":9,"));
}

static void gives_up_what_the_server_does_not_want(void **state)
{
	static const char *const codes[] = {"TerminalStateReached", "ResourceNotFound", "InvalidStateTransition"};

	for (size_t i = 0; i < COUNT(codes); i++) {
		char members[64];

		(void)set_up(state);
		connect_with_job();
		tell(OTA_SUCCEEDED, OTA_STEP_CONFIRM, 1000);
		pass(0);
		snprintf(members, sizeof(members), "\"code\":\"%s\"", codes[i]);
		answer("job-1/update/rejected", members);
		assert_int_equal(core.acks, 1);
		assert_int_equal(core.acked_version, 0);
		assert_true(jobs_is_settled(&jobs));
	}
	/* The job is gone: learnt by asking. */
	(void)set_up(state);
	connect_with_job();
	tell(OTA_SUCCEEDED, OTA_STEP_CONFIRM, 1000);
	pass(0);
	answer("job-1/update/rejected", "\"code\":\"VersionMismatch\"");
	pass_until_sent(3);
	answer("$next/get/accepted", "");
	assert_int_equal(core.acks, 1);
	assert_int_equal(core.acked_version, 0);
}

/* What an earlier start told the server is not known here: its version comes from the server, before anything is said. */
static void a_new_start_learns_the_version_first(void **state)
{
	(void)state;
	tell(OTA_SUCCEEDED, OTA_STEP_CONFIRM, 1000);
	jobs_on_link(&jobs, true);
	pass(0);
	pass(5000);
	assert_int_equal(sent.count, 1);
	assert_string_equal(sent.suffix, "$next/get");
	answer_with_job("job-1", 5);
	assert_int_equal(core.jobs, 0);
	pass(0);
	assert_string_equal(sent.suffix, "job-1/update");
	assert_non_null(strstr(sent.json, "\"status\":\"SUCCEEDED\",\"expectedVersion\":5,"));
	/* The server knows nothing of it. */
	(void)set_up(state);
	tell(OTA_SUCCEEDED, OTA_STEP_CONFIRM, 1000);
	connect_idle();
	assert_int_equal(core.acks, 1);
	assert_int_equal(core.acked_version, 0);
	assert_true(jobs_is_settled(&jobs));
}

static void repeats_what_the_server_cannot_take_now(void **state)
{
	(void)state;
	connect_with_job();
	tell(OTA_SUCCEEDED, OTA_STEP_CONFIRM, 1000);
	pass(0);
	answer("job-1/update/rejected", "\"code\":\"RequestThrottled\"");
	assert_int_equal(core.acks, 0);
	pass_until_sent(3);
	assert_string_equal(sent.suffix, "job-1/update");
	sent.error = -OTA_E_BUSY;
	tell(OTA_FAILED, OTA_STEP_CONFIRM, 1000);
	jobs_on_link(&jobs, false);
	jobs_on_link(&jobs, true);
	pass(1000);
	assert_int_equal(sent.count, 3);
	sent.error = 0;
	pass_until_sent(4);
}

static void rejects_documents_by_name(void **state)
{
	(void)state;
	jobs_on_link(&jobs, true);
	pass(0);
	answer("$next/get/accepted",
		"\"execution\":{\"jobId\":\"job-9\",\"status\":\"QUEUED\",\"versionNumber\":4,"
		"\"jobDocument\":{\"op\":\"dance\",\"manifest\":\"Zm9v\",\"urls\":[\"https://a/x\"]}}");
	assert_int_equal(core.jobs, 0);
	pass(0);
	assert_string_equal(sent.suffix, "job-9/update");
	assert_non_null(strstr(sent.json, "\"status\":\"REJECTED\",\"expectedVersion\":4,"));
	assert_non_null(strstr(sent.json, "\"error\":\"E_JOB\",\"reason\":\"refused\""));
}

static void ignores_what_is_no_job(void **state)
{
	static const char *const members[] = {
		"\"execution\":{\"jobId\":\"../x\",\"status\":\"QUEUED\",\"versionNumber\":1,\"jobDocument\":{}}",
		"\"execution\":{\"jobId\":\"#\",\"status\":\"QUEUED\",\"versionNumber\":1,\"jobDocument\":{}}",
		"\"execution\":{\"jobId\":\"a\",\"status\":\"QUEUED\",\"versionNumber\":-1,\"jobDocument\":{}}",
		"\"execution\":{\"jobId\":\"a\",\"status\":\"SUCCEEDED\",\"versionNumber\":1,\"jobDocument\":{}}",
		"\"execution\":{\"status\":\"QUEUED\",\"versionNumber\":1,\"jobDocument\":{}}",
	};

	for (size_t i = 0; i < COUNT(members); i++) {
		(void)set_up(state);
		jobs_on_link(&jobs, true);
		pass(0);
		answer("$next/get/accepted", members[i]);
		pass(2000);
		assert_int_equal(core.jobs, 0);
		assert_int_equal(sent.count, 1);
	}
}

/* A trial that waits to be confirmed: the job was not refused, it is offered again. */
static void asks_again_when_the_core_is_busy(void **state)
{
	(void)state;
	core.result = -OTA_E_TRIAL;
	jobs_on_link(&jobs, true);
	pass(0);
	answer_with_job("job-1", 1);
	pass_until_sent(2);
	assert_string_equal(sent.suffix, "$next/get");
	assert_true(fake_now_ms < 1000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(asks_at_connect_and_on_the_doorbell, set_up),
		cmocka_unit_test_setup(question_names_the_keyset_and_its_answer_carries_the_assignment, set_up),
		cmocka_unit_test_setup(assignment_under_another_keyset_is_asked_for_again_soon, set_up),
		cmocka_unit_test_setup(new_keyset_makes_it_ask_unless_a_question_waits, set_up),
		cmocka_unit_test_setup(a_doorbell_during_a_question_asks_again, set_up),
		cmocka_unit_test_setup(a_doorbell_that_never_stops_is_answered_once_a_second, set_up),
		cmocka_unit_test_setup(asks_again_when_nobody_answers, set_up),
		cmocka_unit_test_setup(asks_every_few_minutes, set_up),
		cmocka_unit_test_setup(ignores_answers_to_others, set_up),
		cmocka_unit_test_setup(tells_progress_once_a_second_but_steps_at_once, set_up),
		cmocka_unit_test_setup(keeps_the_end_until_it_is_acknowledged, set_up),
		cmocka_unit_test_setup(an_answer_to_older_progress_does_not_swallow_the_end, set_up),
		cmocka_unit_test_setup(learns_the_version_that_the_server_has, set_up),
		cmocka_unit_test_setup(gives_up_what_the_server_does_not_want, set_up),
		cmocka_unit_test_setup(a_new_start_learns_the_version_first, set_up),
		cmocka_unit_test_setup(repeats_what_the_server_cannot_take_now, set_up),
		cmocka_unit_test_setup(rejects_documents_by_name, set_up),
		cmocka_unit_test_setup(ignores_what_is_no_job, set_up),
		cmocka_unit_test_setup(asks_again_when_the_core_is_busy, set_up),
	};

	/* Jitter comes from the generator behind TLS. */
	if (psa_crypto_init() != PSA_SUCCESS)
		return 1;
	return cmocka_run_group_tests_name("agent/jobs", tests, NULL, NULL);
}
