/* SPDX-License-Identifier: Apache-2.0 */
/* What the files rollout_*.c and rollouts.c share. */
#ifndef SKERRYD_ROLLOUTS_PRIV_H
#define SKERRYD_ROLLOUTS_PRIV_H

#include "skerryd/rollouts.h"

/* A rollout that is started and not over. */
struct open_rollout {
	struct open_rollout *next;
	struct store_rollout row;
	struct rollout_description *description;
	struct rollout rollout, kept; /* as it is, and as it was last written */
	int64_t due_ms;               /* when something is to be decided again */
	int64_t look_ms, join_ms;     /* … who is late; who is new */
	int64_t room, room_ms; /* devices that it may still start; what rollouts.room_ms was when it was given them */
	bool changed;          /* something is to be written */
	bool touched;          /* … was written in the open group */
};

struct rollouts {
	struct open_rollout *first;
	int64_t room,
		room_ms; /* devices that each may start until then; then it is asked again how many are fetching */
	bool loaded;
};

/* ---- rollout_load.c ---- */

/* All of them, from the database if they are not in memory. 0 or -1. */
int rollout_load_all(struct skerryd *server) STORE_CHECK;
/* One that is not in memory, in any state: row, description, waves and counts. 0, STORE_NONE, -1. Free with rollout_free(). */
int rollout_load(struct skerryd *server, const char *id, struct open_rollout **out) STORE_CHECK;
void rollout_free(struct open_rollout *r);
/* Those in memory; NULL: not there. */
struct open_rollout *rollout_find(struct skerryd *server, const char *id);
/* Write what has changed. 0 or -1. */
int rollout_keep(struct skerryd *server, struct open_rollout *r) STORE_CHECK;
/* An event about it as a whole, printf. */
int rollout_event(struct skerryd *server, const struct open_rollout *r, const char *kind, const char *text, ...)
	__attribute__((format(printf, 4, 5))) STORE_CHECK;

/* ---- rollout_step.c: one device, and all of them ---- */

/* `error`: why, for those who look; NULL: nothing to say. */
int rollout_step(struct skerryd *server, struct open_rollout *r, struct store_target *target, enum target_event event,
	const char *error) STORE_CHECK;
/* What the device last reported, and whether it is confirmed, as an event. */
int rollout_step_truth(
	struct skerryd *server, struct open_rollout *r, struct store_target *target, const char *digest) STORE_CHECK;
/* The same event for each row's `device`, which is in this rollout; takes the rows. */
int rollout_step_rows(struct skerryd *server, struct open_rollout *r, json_t *rows, enum target_event event,
	const char *error) STORE_CHECK;
/* For all that are in `state`. */
int rollout_step_state(struct skerryd *server, struct open_rollout *r, enum target_state state, enum target_event event,
	const char *error) STORE_CHECK;
/* Stop: change the state, and what that means for each device. */
int rollout_stop_all(
	struct skerryd *server, struct open_rollout *r, enum rollout_action action, const char *reason) STORE_CHECK;

/* ---- rollout_serve.c ---- */

/* Decide and carry out until there is nothing to do now, then write. 0 or -1. */
int rollout_serve(struct skerryd *server, struct open_rollout *r) STORE_CHECK;

/* ---- rollout_fill.c: who belongs to which wave ---- */

struct fill_device {
	char id[65], board[33], digest[65];
	bool online, runs_it; /* runs the image already, confirmed as far as we know */
	uint32_t wave;        /* FILL_NO_WAVE: none */
	char taken[33];       /* by this other rollout, "" */
	uint64_t key;         /* of its order */
	char value[129];
	char zone[ZONE_NAME_MAX + 1];
};
#define FILL_NO_WAVE UINT32_MAX

struct fill {
	struct fill_device *devices; /* by id */
	size_t count;
	struct fill_device **order; /* those in waves, wave by wave, in their order */
	size_t size[ROLLOUT_WAVES_MAX], in_waves;
};
enum rollouts_outcome fill_make(struct skerryd *server, const struct store_rollout *row,
	const struct rollout_description *description, struct fill *fill, struct fleet_error *error);
void fill_free(struct fill *fill);
/* Those who match and are not in it yet. 0 or -1. */
int fill_join(struct skerryd *server, struct open_rollout *r) STORE_CHECK;

/* ---- rollout_window.c ---- */

/*
 * When the device may begin, and when it may reset: now, later, or ROLLOUT_NEVER; unix ms. One that cannot hold resets when it has downloaded, so it
 * begins only when both windows are open. STORE_NONE: its time zone is not known.
 */
int rollout_window_next(
	struct skerryd *server, const struct open_rollout *r, const char *device, int64_t *at_ms) STORE_CHECK;
int rollout_window_flash(
	struct skerryd *server, const struct open_rollout *r, const char *device, int64_t *at_ms) STORE_CHECK;

/* ---- rollout_hold.c: devices that wait for their reset ---- */

/* The device says how far its job is: it holds, or it went on. 0 or -1. */
int rollout_hold_said(
	struct skerryd *server, struct open_rollout *r, struct store_target *target, bool holds) STORE_CHECK;
/* One that holds is released if it may be, else it is noted when. 0 or -1. */
int rollout_hold_look(struct skerryd *server, struct open_rollout *r, struct store_target *target) STORE_CHECK;
/* All those of the rollout whose time has come. 0 or -1. */
int rollout_hold_look_all(struct skerryd *server, struct open_rollout *r) STORE_CHECK;

/* Whose a rollout that `who` describes is. */
const char *rollout_tenant(const struct principal *who, const struct rollout_description *description);

#endif
