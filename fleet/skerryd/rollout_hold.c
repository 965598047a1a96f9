/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that have the image in their slot and wait for the window in which they may reset into it. */
#include "skerryd/jobs.h"
#include "skerryd/rollouts_priv.h"

static int put_off(struct skerryd *server, const struct open_rollout *r, struct store_target *target, int64_t until_ms)
{
	if (target->not_before_ms == until_ms)
		return 0;
	target->not_before_ms = until_ms;
	return store_target_put(server->store, r->row.id, target);
}

/* The word itself is in the answer to what the device asks next, if the window is still open then. */
static int release(struct skerryd *server, struct open_rollout *r, struct store_target *target)
{
	if (rollout_step(server, r, target, EVENT_RELEASE, NULL) < 0 || jobs_release(server, target->job) < 0)
		return -1;
	return put_off(server, r, target, server->now_ms);
}

int rollout_hold_look(struct skerryd *server, struct open_rollout *r, struct store_target *target)
{
	int64_t at_ms;
	/* While the rollout is paused nobody resets; when it goes on they are looked at again. */
	if (target->target.state != TARGET_HELD || r->rollout.state != ROLLOUT_RUNNING)
		return 0;
	if (rollout_window_flash(server, r, target->device, &at_ms) < 0)
		return -1;
	return at_ms > server->now_ms ? put_off(server, r, target, at_ms) : release(server, r, target);
}

/* It was released, and that still holds: its next question is answered so. */
static int is_released(struct skerryd *server, const struct open_rollout *r, const struct store_target *target)
{
	int64_t at_ms;
	if (target->target.state != TARGET_ACTIVE || !target->not_before_ms || r->rollout.state != ROLLOUT_RUNNING)
		return 0;
	if (rollout_window_flash(server, r, target->device, &at_ms) < 0)
		return -1;
	return at_ms <= server->now_ms;
}

int rollout_hold_said(struct skerryd *server, struct open_rollout *r, struct store_target *target, bool holds)
{
	if (window_is_always(&r->description->flash))
		return 0;
	/* It went on, or was reset and begins anew: then it needs another release. */
	if (!holds)
		return rollout_step(server, r, target, EVENT_RELEASE, NULL) < 0 ? -1 : put_off(server, r, target, 0);
	int released = is_released(server, r, target);
	if (released)
		return released < 0 ? -1 : 0;
	if (rollout_step(server, r, target, EVENT_HELD, NULL) < 0)
		return -1;
	return rollout_hold_look(server, r, target);
}

int rollout_hold_look_all(struct skerryd *server, struct open_rollout *r)
{
	struct store_target target;
	const json_t *row;
	json_t *rows;
	size_t index;
	int rc = 0;
	if (r->rollout.state != ROLLOUT_RUNNING || window_is_always(&r->description->flash))
		return 0;
	if (store_targets_held(server->store, r->row.id, server->now_ms, &rows) < 0)
		return -1;
	json_array_foreach(rows, index, row)
	{
		if (rc == 0)
			rc = store_target_get(
				server->store, r->row.id, json_string_value(json_object_get(row, "device")), &target);
		if (rc == 0)
			rc = rollout_hold_look(server, r, &target);
	}
	json_decref(rows);
	return rc ? -1 : 0;
}
