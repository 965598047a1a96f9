/* SPDX-License-Identifier: Apache-2.0 */
/* One device in a rollout: its states (fleet/ROLLOUTS.md) and what leads from one to the next. Pure. */
#ifndef ROLLOUT_TARGET_H
#define ROLLOUT_TARGET_H

#include <stdbool.h>
#include <stdint.h>

enum target_state {
	TARGET_PENDING,
	TARGET_OFFERED,   /* a job is queued, in flight */
	TARGET_ACTIVE,    /* the device has taken it, in flight */
	TARGET_HELD,      /* it is ready to reset and waits for its window, in flight */
	TARGET_REVERT,    /* to be brought back, not started */
	TARGET_REVERTING, /* a job back is queued or taken, in flight */
	TARGET_SUCCEEDED, /* from here on: final */
	TARGET_FAILED,
	TARGET_REJECTED,
	TARGET_TIMED_OUT,
	TARGET_SKIPPED,
	TARGET_CANCELED,
	TARGET_REVERTED,
	TARGET_STRANDED,
	TARGET_STATES
};

enum target_event {
	EVENT_START,        /* a job was made for it */
	EVENT_TAKEN,        /* the device took the job */
	EVENT_HELD,         /* it is ready, and may not reset now */
	EVENT_RELEASE,      /* it may reset now, or went on by itself */
	EVENT_RUNS,         /* it reported the rollout's digest, confirmed */
	EVENT_RUNS_OTHER,   /* it reported another digest, confirmed, and has no job of ours */
	EVENT_RUNS_BEFORE,  /* it reported the digest it ran before the rollout, confirmed */
	EVENT_JOB_FAILED,   /* the job ended: failed or rolled back */
	EVENT_JOB_REJECTED, /* the job ended: the device never will */
	EVENT_JOB_CANCELED, /* the job ended: withdrawn */
	EVENT_TIMEOUT,      /* timeoutS is over */
	EVENT_SKIP_OFFLINE, /* the offline policy gives it up */
	EVENT_GONE,         /* it left the fleet, or became incompatible */
	EVENT_PAUSE,        /* the rollout is paused */
	EVENT_ABORT,        /* … aborted */
	EVENT_ROLLBACK,     /* … rolled back */
	EVENT_REVERT_START, /* a job back was made for it */
	EVENT_RETRY,        /* the operator asks for one more try */
	TARGET_EVENTS
};

/* What is kept of a device. */
struct target {
	enum target_state state;
	uint32_t tries_left; /* starts that may still be made */
	bool stopped;        /* the rollout was aborted or rolled back: no further try */
	bool go_back;        /* … rolled back: when it runs the image all the same, it is brought back */
	bool offline;        /* TARGET_SKIPPED for being offline */
};

const char *target_state_name(enum target_state state); /* "timed-out" */
bool target_state_is_final(enum target_state state);
/* Those that count for `finished`: it had its chance, and the outcome says something about the image. */
bool target_state_is_finished(enum target_state state);

/* What the caller has to do with the device's open job after a step. */
enum target_job { JOB_KEEP, JOB_WITHDRAW };

/* A device that joins, with so many tries. */
struct target target_new(uint32_t tries);

/* An event about a device. Changes *target; an event that means nothing in its state changes nothing. */
enum target_job target_step(struct target *target, enum target_event event);

#endif
