/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts that run (fleet/ROLLOUTS.md): what happens to a device becomes an event of rollout/target.h, then rollout/rollout.h decides until it says
 * wait, and all that is decided, with its jobs, is in the group of the message that caused it. What is in memory is a copy of the database, taken
 * anew when a group was undone; after a restart everything goes on from the database alone.
 *
 * All calls that change something are made inside a group, but rollouts_turn(), which makes its own. Time is server->now_ms.
 */
#ifndef SKERRYD_ROLLOUTS_H
#define SKERRYD_ROLLOUTS_H

#include "shared/error.h"
#include "skerryd/principal.h"
#include "skerryd/rollout_spec.h"
#include "skerryd/skerryd.h"
#include "skerryd/store_rollout.h"

/* Make ready; those that run are read from the database when they are first needed. 0 or -1: out of memory. */
int rollouts_start(struct skerryd *server) STORE_CHECK;
void rollouts_stop(struct skerryd *server);
/* The group has ended: what it changed in memory holds, or, if it was undone, is forgotten. */
void rollouts_settle(struct skerryd *server, bool kept);

/* ---- what devices do ---- */

/* A job has this status now, or its device holds it, or does not any more; the row is written. */
int rollouts_on_job(struct skerryd *server, const struct store_job *job) STORE_CHECK;
/* A device says how a job ended that is over for us. */
int rollouts_on_late_job(struct skerryd *server, const struct store_job *job, enum job_status said) STORE_CHECK;
/* A device asks for its next job. */
int rollouts_on_get(struct skerryd *server, const char *device) STORE_CHECK;
/*
 * The word `reset` of the document of its job (SPEC §8), as the answer to that: "hold", "now", or NULL: none, the device may reset when it is ready. 0 or -1.
 */
int rollouts_reset_word(struct skerryd *server, const struct store_job *job, const char **word) STORE_CHECK;
/* Its time zone is another one. */
int rollouts_on_zone(struct skerryd *server, const char *device) STORE_CHECK;
/* confirmed: it said that it runs `digest` for good. */
int rollouts_on_report(struct skerryd *server, const char *device, const char *digest, bool confirmed) STORE_CHECK;
int rollouts_on_presence(struct skerryd *server, const char *device, bool online) STORE_CHECK;

/* Time passes: everything that is due. */
void rollouts_turn(struct skerryd *server);
/* In how many ms the next turn is due, at most `max_ms`. */
int rollouts_timeout_ms(const struct skerryd *server, int max_ms);

/* ---- what operators do ---- */

enum rollouts_outcome {
	ROLLOUTS_DONE = 1,
	ROLLOUTS_NONE,     /* no such rollout, or another tenant's */
	ROLLOUTS_CONFLICT, /* not in this state */
	ROLLOUTS_INVALID,  /* the description cannot be carried out */
	ROLLOUTS_FAILED    /* the database */
};
enum rollouts_verb {
	VERB_START = 1,
	VERB_PAUSE,
	VERB_RESUME,
	VERB_ABORT,
	VERB_ROLLBACK,
	VERB_RETRY,
	VERB_APPROVE,
	VERB_CLOSE
};
const char *rollouts_verb_name(enum rollouts_verb verb);

/* *error says why when it is neither DONE nor FAILED. */
enum rollouts_outcome rollouts_create(struct skerryd *server, const struct principal *who,
	const struct rollout_description *description, char id[33], struct fleet_error *error);
/* A draft gets another description; its approvals are void. */
enum rollouts_outcome rollouts_change(struct skerryd *server, const struct principal *who, const char *id,
	const struct rollout_description *description, struct fleet_error *error);
enum rollouts_outcome rollouts_do(struct skerryd *server, const struct principal *who, enum rollouts_verb verb,
	const char *id, struct fleet_error *error);

/* ---- as the API shows them ---- */

/* Who would get what, and when at the earliest. Outside a group. */
enum rollouts_outcome rollouts_plan(struct skerryd *server, const struct principal *who,
	const struct rollout_description *description, json_t **plan, struct fleet_error *error);
/* STORE_NONE: none that `who` sees. */
int rollouts_json(struct skerryd *server, const struct principal *who, const char *id, json_t **rollout) STORE_CHECK;

#endif
