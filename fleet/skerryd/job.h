/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job's life, AWS-Jobs shaped (SPEC §8), as pure functions:
 *
 *   QUEUED → IN_PROGRESS → SUCCEEDED | FAILED | REJECTED   by the device, guarded by versionNumber
 *   QUEUED | IN_PROGRESS → TIMED_OUT | CANCELED            by the server
 *
 * The five on the right are final.
 */
#ifndef SKERRYD_JOB_H
#define SKERRYD_JOB_H

#include <stdbool.h>
#include <stdint.h>

enum job_status { JOB_QUEUED, JOB_IN_PROGRESS, JOB_SUCCEEDED, JOB_FAILED, JOB_REJECTED, JOB_TIMED_OUT, JOB_CANCELED };

const char *job_status_name(enum job_status status);
/* The status with this name; false: there is none. */
bool job_status_parse(const char *name, enum job_status *status);
bool job_is_open(enum job_status status);

enum job_decision {
	JOB_ACCEPT = 1,
	JOB_REPEATED,         /* the same end once more: its answer was lost; acknowledge, change nothing */
	JOB_VERSION_MISMATCH, /* expectedVersion is not the job's */
	JOB_BAD_TRANSITION,   /* a status that a device may not set */
	JOB_ENDED,            /* the job has ended otherwise */
};

/* May the device take a job from `now` at `version` to `wanted`? `expected`: its expectedVersion, 0 = it gave none. */
enum job_decision job_decide(enum job_status now, int64_t version, enum job_status wanted, int64_t expected);

/* The error code of the contract for a decision that refuses. */
const char *job_decision_code(enum job_decision decision);

#endif
