/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/target.h"

#include <stddef.h>

static const char *const names[TARGET_STATES] = {
	[TARGET_PENDING] = "pending",
	[TARGET_OFFERED] = "offered",
	[TARGET_ACTIVE] = "active",
	[TARGET_HELD] = "held",
	[TARGET_REVERT] = "revert",
	[TARGET_REVERTING] = "reverting",
	[TARGET_SUCCEEDED] = "succeeded",
	[TARGET_FAILED] = "failed",
	[TARGET_REJECTED] = "rejected",
	[TARGET_TIMED_OUT] = "timed-out",
	[TARGET_SKIPPED] = "skipped",
	[TARGET_CANCELED] = "canceled",
	[TARGET_REVERTED] = "reverted",
	[TARGET_STRANDED] = "stranded",
};

const char *target_state_name(enum target_state state)
{
	return state < TARGET_STATES ? names[state] : "?";
}

bool target_state_is_final(enum target_state state)
{
	return state >= TARGET_SUCCEEDED && state < TARGET_STATES;
}

bool target_state_is_finished(enum target_state state)
{
	return state >= TARGET_SUCCEEDED && state <= TARGET_TIMED_OUT;
}

static bool has_job(enum target_state state)
{
	return state == TARGET_OFFERED || state == TARGET_ACTIVE || state == TARGET_HELD;
}

struct target target_new(uint32_t tries)
{
	return (struct target){.state = TARGET_PENDING, .tries_left = tries};
}

/* A try came to nothing: another, or `end`. In a rollout that was stopped there is no other. */
static void try_failed(struct target *target, enum target_state end)
{
	if (target->stopped)
		target->state = TARGET_CANCELED;
	else
		target->state = target->tries_left > 0 ? TARGET_PENDING : end;
}

/* The image runs and is confirmed: success, from any state in which that was hoped for or given up. */
static void runs(struct target *target)
{
	if (target->state == TARGET_REVERT || target->state == TARGET_REVERTING || target->state >= TARGET_REVERTED)
		return;
	target->state = target->go_back ? TARGET_REVERT : TARGET_SUCCEEDED;
}

static void runs_other(struct target *target)
{
	if (target->state == TARGET_SUCCEEDED)
		try_failed(target, TARGET_FAILED);
}

static enum target_job stop(struct target *target, bool go_back)
{
	/* Whatever comes of it later, there is no other try. */
	target->stopped = true;
	target->go_back = go_back;
	if (target->state == TARGET_OFFERED || target->state == TARGET_PENDING) {
		enum target_job job = target->state == TARGET_OFFERED ? JOB_WITHDRAW : JOB_KEEP;

		target->state = TARGET_CANCELED;
		return job;
	}
	/* Its trial may be armed: how it ends is the device's to say. One that holds may not wait any more, time ends it. */
	if (target->state == TARGET_ACTIVE || target->state == TARGET_HELD) {
		target->state = TARGET_ACTIVE;
		return JOB_WITHDRAW;
	}
	if (target->state == TARGET_SUCCEEDED && go_back)
		target->state = TARGET_REVERT;
	return JOB_KEEP;
}

static enum target_job pause(struct target *target)
{
	if (target->state != TARGET_OFFERED)
		return JOB_KEEP;
	target->state = target->stopped ? TARGET_CANCELED : TARGET_PENDING;
	target->tries_left++; /* that one was never begun */
	return JOB_WITHDRAW;
}

static enum target_job timeout(struct target *target)
{
	if (target->state == TARGET_REVERTING) {
		target->state = TARGET_STRANDED;
		return JOB_WITHDRAW;
	}
	if (!has_job(target->state))
		return JOB_KEEP;
	try_failed(target, TARGET_TIMED_OUT);
	return JOB_WITHDRAW;
}

static enum target_job give_up(struct target *target)
{
	enum target_job job = has_job(target->state) || target->state == TARGET_REVERTING ? JOB_WITHDRAW : JOB_KEEP;

	if (target_state_is_final(target->state))
		return JOB_KEEP;
	target->state =
		target->state == TARGET_REVERT || target->state == TARGET_REVERTING ? TARGET_STRANDED : TARGET_SKIPPED;
	return job;
}

static void job_ended(struct target *target, enum target_event event)
{
	if (target->state == TARGET_REVERTING)
		target->state = TARGET_STRANDED;
	else if (!has_job(target->state))
		return;
	else if (event == EVENT_JOB_FAILED)
		try_failed(target, TARGET_FAILED);
	else if (event == EVENT_JOB_REJECTED)
		target->state = TARGET_REJECTED;
	else
		target->state = TARGET_CANCELED;
}

static void start(struct target *target)
{
	if (target->state != TARGET_PENDING || target->tries_left == 0)
		return;
	target->tries_left--;
	target->state = TARGET_OFFERED;
}

static void retry(struct target *target)
{
	if (target->stopped || (target->state != TARGET_FAILED && target->state != TARGET_TIMED_OUT))
		return;
	target->tries_left++;
	target->state = TARGET_PENDING;
}

static enum target_job step(struct target *target, enum target_event event)
{
	switch (event) {
	case EVENT_START:
		start(target);
		break;
	case EVENT_TAKEN:
		if (target->state == TARGET_OFFERED)
			target->state = TARGET_ACTIVE;
		break;
	case EVENT_HELD:
		if (target->state == TARGET_ACTIVE && !target->stopped)
			target->state = TARGET_HELD;
		break;
	case EVENT_RELEASE:
		if (target->state == TARGET_HELD)
			target->state = TARGET_ACTIVE;
		break;
	case EVENT_RUNS:
		runs(target);
		break;
	case EVENT_RUNS_OTHER:
		runs_other(target);
		break;
	case EVENT_RUNS_BEFORE:
		if (target->state == TARGET_REVERT || target->state == TARGET_REVERTING)
			target->state = TARGET_REVERTED;
		else
			runs_other(target);
		break;
	case EVENT_JOB_FAILED:
	case EVENT_JOB_REJECTED:
	case EVENT_JOB_CANCELED:
		job_ended(target, event);
		break;
	case EVENT_TIMEOUT:
		return timeout(target);
	case EVENT_SKIP_OFFLINE:
	case EVENT_GONE:
		return give_up(target);
	case EVENT_PAUSE:
		return pause(target);
	case EVENT_ABORT:
	case EVENT_ROLLBACK:
		return stop(target, event == EVENT_ROLLBACK);
	case EVENT_REVERT_START:
		if (target->state == TARGET_REVERT)
			target->state = TARGET_REVERTING;
		break;
	case EVENT_RETRY:
		retry(target);
		break;
	case TARGET_EVENTS:
		break;
	}
	return JOB_KEEP;
}

enum target_job target_step(struct target *target, enum target_event event)
{
	enum target_state before = target->state;
	enum target_job job = step(target, event);

	if (target->state != before)
		target->offline = event == EVENT_SKIP_OFFLINE && target->state == TARGET_SKIPPED;
	return job;
}
