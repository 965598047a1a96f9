/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/job.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const names[] = {
	[JOB_QUEUED] = "QUEUED",
	[JOB_IN_PROGRESS] = "IN_PROGRESS",
	[JOB_SUCCEEDED] = "SUCCEEDED",
	[JOB_FAILED] = "FAILED",
	[JOB_REJECTED] = "REJECTED",
	[JOB_TIMED_OUT] = "TIMED_OUT",
	[JOB_CANCELED] = "CANCELED",
};
#define STATUSES (sizeof names / sizeof *names)

const char *job_status_name(enum job_status status)
{
	assert((size_t)status < STATUSES);
	return names[status];
}

bool job_status_parse(const char *name, enum job_status *status)
{
	for (size_t i = 0; i < STATUSES; i++) {
		if (strcmp(names[i], name) == 0) {
			*status = (enum job_status)i;
			return true;
		}
	}
	return false;
}

bool job_is_open(enum job_status status)
{
	return status == JOB_QUEUED || status == JOB_IN_PROGRESS;
}

static bool device_may_set(enum job_status status)
{
	return status == JOB_IN_PROGRESS || status == JOB_SUCCEEDED || status == JOB_FAILED || status == JOB_REJECTED;
}

enum job_decision job_decide(enum job_status now, int64_t version, enum job_status wanted, int64_t expected)
{
	if (!device_may_set(wanted))
		return JOB_BAD_TRANSITION;
	/* Before the version is looked at: the device that repeats its end knows only the version before it. */
	if (!job_is_open(now))
		return now == wanted ? JOB_REPEATED : JOB_ENDED;
	if (expected && expected != version)
		return JOB_VERSION_MISMATCH;
	return JOB_ACCEPT;
}

const char *job_decision_code(enum job_decision decision)
{
	switch (decision) {
	case JOB_VERSION_MISMATCH:
		return "VersionMismatch";
	case JOB_ENDED:
		return "TerminalStateReached";
	default:
		return "InvalidStateTransition";
	}
}
