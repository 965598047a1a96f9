/* SPDX-License-Identifier: Apache-2.0 */
/* A job's states: every pair of states, and versions. */
#include "skerryd/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define Q          JOB_QUEUED
#define P          JOB_IN_PROGRESS
#define S          JOB_SUCCEEDED
#define F          JOB_FAILED
#define R          JOB_REJECTED
#define T          JOB_TIMED_OUT
#define C          JOB_CANCELED
#define N_STATUSES 7

static void every_pair(void **state)
{
	enum { OK = JOB_ACCEPT, RE = JOB_REPEATED, NO = JOB_BAD_TRANSITION, EN = JOB_ENDED };
	/* rows: the job is; columns: the device says QUEUED IN_PROGRESS SUCCEEDED FAILED REJECTED TIMED_OUT CANCELED */
	static const int expected[N_STATUSES][N_STATUSES] = {
		[Q] = {NO, OK, OK, OK, OK, NO, NO},
		[P] = {NO, OK, OK, OK, OK, NO, NO},
		[S] = {NO, EN, RE, EN, EN, NO, NO},
		[F] = {NO, EN, EN, RE, EN, NO, NO},
		[R] = {NO, EN, EN, EN, RE, NO, NO},
		[T] = {NO, EN, EN, EN, EN, NO, NO},
		[C] = {NO, EN, EN, EN, EN, NO, NO},
	};
	(void)state;
	for (int now = 0; now < N_STATUSES; now++)
		for (int wanted = 0; wanted < N_STATUSES; wanted++)
			assert_int_equal(
				job_decide((enum job_status)now, 4, (enum job_status)wanted, 4), expected[now][wanted]);
}

static void versions(void **state)
{
	(void)state;
	assert_int_equal(job_decide(P, 4, P, 3), JOB_VERSION_MISMATCH);
	assert_int_equal(job_decide(P, 4, S, 5), JOB_VERSION_MISMATCH);
	assert_int_equal(job_decide(P, 4, S, 0), JOB_ACCEPT); /* none given: no check */
	/* The answer to the first SUCCEEDED was lost: its repetition carries the version before it. */
	assert_int_equal(job_decide(S, 5, S, 4), JOB_REPEATED);
	assert_int_equal(job_decide(S, 5, F, 4), JOB_ENDED);
}

static void names(void **state)
{
	enum job_status status;
	(void)state;
	for (int i = 0; i < N_STATUSES; i++) {
		assert_true(job_status_parse(job_status_name((enum job_status)i), &status));
		assert_int_equal(status, i);
	}
	assert_false(job_status_parse("DONE", &status));
	assert_false(job_status_parse("", &status));
	assert_false(job_status_parse("queued", &status));
	assert_string_equal(job_decision_code(JOB_VERSION_MISMATCH), "VersionMismatch");
	assert_string_equal(job_decision_code(JOB_BAD_TRANSITION), "InvalidStateTransition");
	assert_string_equal(job_decision_code(JOB_ENDED), "TerminalStateReached");
	assert_true(job_is_open(Q) && job_is_open(P));
	assert_false(job_is_open(S) || job_is_open(F) || job_is_open(R) || job_is_open(T) || job_is_open(C));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair),
		cmocka_unit_test(versions),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests_name("fleet/job", tests, NULL, NULL);
}
