/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: made by the operator, asked for and told about by devices (SPEC §8), ended by time. */
#ifndef SKERRYD_JOBS_H
#define SKERRYD_JOBS_H

#include "skerryd/message.h"
#include "skerryd/skerryd.h"

/* What the operator orders. */
struct job_order {
	const char *device, *digest;
	const json_t *urls; /* array of text; NULL: the daemon's own artifact server */
	bool retry;
	int64_t trial_s;     /* 0: the device's default */
	const char *rollout; /* that it belongs to; NULL: none */
};

enum jobs_outcome {
	JOBS_DONE = 1,
	JOBS_NO_DEVICE,
	JOBS_NO_IMAGE,
	JOBS_BUSY,
	JOBS_TOO_LONG,
	JOBS_NONE,
	JOBS_ENDED,
	JOBS_FAILED
};

/* Inside a group. DONE: its id in id[]; BUSY: that of the open job; FAILED: the database. */
enum jobs_outcome jobs_create(struct skerryd *server, const struct job_order *order, char id[65]);
/* Inside a group. NONE: no such job; ENDED: too late. */
enum jobs_outcome jobs_cancel(struct skerryd *server, const char *id);
/* The same for a rollout, which knows that it does so. One that has ended is left as it is. 0 or -1. */
int jobs_withdraw(struct skerryd *server, const char *id) STORE_CHECK;
/* Inside a group: its device reports, confirmed, the image that the job is for. One that is still queued has succeeded; of one that it took it tells the end itself. 0 or -1. */
int jobs_fulfil(struct skerryd *server, const char *id) STORE_CHECK;

/* Inside a group: its device, which holds, may reset: it is asked to ask, and its time begins anew. One that has ended is left as it is. 0 or -1. */
int jobs_release(struct skerryd *server, const char *id) STORE_CHECK;
/* Does the device say that it holds? */
bool job_is_held(const struct store_job *job);

/* What the device says, inside a group. 0 or -1. A body of NULL was no JSON; the answer tells the device so. */
int jobs_on_get(struct skerryd *server, const char *device, const json_t *body) STORE_CHECK;
int jobs_on_update(struct skerryd *server, const char *device, const char *job, const json_t *body) STORE_CHECK;

/* Ring the doorbells of those with a queued job: at start. 0 or -1. */
int jobs_ring_all(struct skerryd *server) STORE_CHECK;
/* Every half second or so: doorbells that are due, jobs that have timed out. True: more bells are due, call it again soon. */
bool jobs_tick(struct skerryd *server);

/* A device that is at this step (SPEC §8) has the whole payload, checked: it needs the artifact server no more. "": it has not said. */
bool jobs_step_has_payload(const char *step);

#endif
