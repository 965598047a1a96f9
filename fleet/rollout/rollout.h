/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rollout engine (fleet/ROLLOUTS.md): what happens next, as pure functions over counts and times. No database, no clock, no memory of its
 * own: the caller loads the state, asks, carries out what is decided in one transaction, and asks again until it is told to wait.
 *
 *   event about a device → target_step() → counts changed → rollout_decide() → STOP | PASS | START | REVERT | END | WAIT
 *
 * Times are milliseconds of one clock of the caller's; they need not be unix time but must survive a restart. All counts fit 32 bits, all
 * comparisons are made in 64.
 */
#ifndef ROLLOUT_ROLLOUT_H
#define ROLLOUT_ROLLOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "rollout/rate.h"
#include "rollout/target.h"

#define ROLLOUT_WAVES_MAX 32
#define ROLLOUT_STOPS_MAX 8
#define ROLLOUT_NEVER     INT64_MAX
#define ROLLOUT_ALL       UINT32_MAX

enum rollout_action { ACTION_PAUSE = 1, ACTION_ABORT, ACTION_ROLLBACK };
enum rollout_scope { SCOPE_WAVE = 1, SCOPE_ROLLOUT };

/* One stop criterion. `on`: bits 1u << enum target_state of those that count as bad; TARGET_SKIPPED there means skipped for being offline. */
struct rollout_stop {
	uint32_t on;
	uint32_t percent; /* of those that ended, 0..100 */
	uint32_t min;     /* ≥ 1 */
	enum rollout_scope scope;
	enum rollout_action action;
};

/* What was asked for; does not change while the rollout is open. */
struct rollout_wave_spec {
	uint32_t max_in_flight;   /* ≥ 1 */
	uint32_t success_percent; /* 0..100 */
	uint32_t min_finished;    /* ROLLOUT_ALL: every device of the wave */
	int64_t soak_ms;
	struct rate_spec rate;
};

struct rollout_spec {
	uint32_t wave_count; /* 1..ROLLOUT_WAVES_MAX */
	uint32_t stop_count;
	struct rollout_wave_spec waves[ROLLOUT_WAVES_MAX];
	struct rollout_stop stops[ROLLOUT_STOPS_MAX];
	bool continuous; /* late joiners: never complete by itself */
};

enum wave_state { WAVE_WAITING, WAVE_OPEN, WAVE_PASSED };

struct rollout_wave {
	enum wave_state state;
	uint32_t count[TARGET_STATES];    /* its devices, by state */
	uint32_t offline;                 /* of the skipped ones: for being offline */
	uint32_t forgiven[TARGET_STATES]; /* count[] of the final states when an operator last resumed */
	uint32_t offline_forgiven;
	int64_t satisfied_ms; /* since when the gate is; ROLLOUT_NEVER: it is not */
	struct rate_bucket bucket;
	/* Until when nobody of it can start (offline, windows, retry delays), as the caller found; 0: not known. Need not be kept. */
	int64_t nobody_until_ms;
};

enum rollout_state {
	ROLLOUT_DRAFT,
	ROLLOUT_RUNNING,
	ROLLOUT_PAUSED,
	ROLLOUT_ABORTING,
	ROLLOUT_ABORTED,
	ROLLOUT_REVERTING,
	ROLLOUT_REVERTED,
	ROLLOUT_COMPLETE
};
const char *rollout_state_name(enum rollout_state state); /* "running" */
bool rollout_state_is_over(enum rollout_state state);

struct rollout {
	enum rollout_state state;
	struct rollout_wave waves[ROLLOUT_WAVES_MAX];
};

enum decision_kind {
	DECIDE_WAIT = 1, /* nothing until `until_ms`, or an event */
	DECIDE_STOP,     /* criterion `stop` is met: rollout_stop(), withdraw and cancel jobs as its action says */
	DECIDE_STALLED,  /* wave `wave` cannot satisfy its gate any more: pause, and tell the operator */
	DECIDE_PASS,     /* wave `wave` is passed: rollout_pass() */
	DECIDE_START,    /* start one device of wave `wave`: then rollout_started(); nobody can: set nobody_until_ms */
	DECIDE_REVERT,   /* start the way back of one device of wave `wave` that is TARGET_REVERT */
	DECIDE_END       /* the rollout is over, in state `state` */
};

struct decision {
	enum decision_kind kind;
	uint32_t wave, stop;
	enum rollout_state state;
	int64_t until_ms;
};

/* A new rollout: all waves wait, no device. */
void rollout_init(struct rollout *rollout, const struct rollout_spec *spec);

/*
 * What is next, at now_ms? The one thing it changes is since when gates are satisfied. Stops come before everything else, so nothing is
 * decided that a report which is in the counts forbids.
 */
struct decision rollout_decide(struct rollout *rollout, const struct rollout_spec *spec, int64_t now_ms);

/* Carry out: the running rollout is stopped; what happens to each device is target_step()'s with the event of the action. */
void rollout_stop(struct rollout *rollout, enum rollout_action action);
/* A paused one goes on; what failed up to now is forgiven. */
void rollout_resume(struct rollout *rollout, const struct rollout_spec *spec);
/* Carry out DECIDE_PASS, and opens the next wave; wave ROLLOUT_ALL opens the first: the rollout starts. */
void rollout_pass(struct rollout *rollout, const struct rollout_spec *spec, uint32_t wave, int64_t now_ms);
/* A device of `wave` was started: takes it from the rate. */
void rollout_started(struct rollout *rollout, const struct rollout_spec *spec, uint32_t wave, int64_t now_ms);
/* A device of `wave` went from `before` to `after`; before NULL: it is new. */
void rollout_count(struct rollout *rollout, uint32_t wave, const struct target *before, const struct target *after);

/* Those between start and end. */
uint32_t rollout_in_flight(const struct rollout_wave *wave);

#endif
