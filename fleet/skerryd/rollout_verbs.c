/* SPDX-License-Identifier: Apache-2.0 */
/* What operators do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/audit.h"
#include "skerryd/note.h"
#include "skerryd/rollouts_priv.h"

static const char *const verb_names[] = {
	[VERB_START] = "start",
	[VERB_PAUSE] = "pause",
	[VERB_RESUME] = "resume",
	[VERB_ABORT] = "abort",
	[VERB_ROLLBACK] = "rollback",
	[VERB_RETRY] = "retry",
	[VERB_APPROVE] = "approve",
	[VERB_CLOSE] = "close",
};

const char *rollouts_verb_name(enum rollouts_verb verb)
{
	return verb_names[verb];
}

static int audit(struct skerryd *server, const struct principal *who, const char *verb, const char *id, json_t *details)
{
	char action[32], object[48];
	snprintf(action, sizeof action, "rollout.%s", verb);
	snprintf(object, sizeof object, "rollout/%s", id);
	return audit_add(server, who, action, object, details);
}

/* ---- drafts ---- */

/* What the rollout says of its image; INVALID: there is none that fits. */
static enum rollouts_outcome describe(struct skerryd *server, struct store_rollout *row,
	const struct rollout_description *description, struct fleet_error *error)
{
	struct fill fill;
	struct store_manifest facts;
	json_t *json = rollout_spec_json(description);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text)
		return ROLLOUTS_FAILED;
	free(row->spec);
	row->spec = text;
	memcpy(row->name, description->name, sizeof row->name);
	memcpy(row->digest, description->digest, sizeof row->digest);
	int rc = store_image_facts(server->store, row->digest, row->tenant, &facts);
	if (rc == 0)
		memcpy(row->app, facts.app, sizeof row->app);
	/* Also finds groups that are not there. */
	enum rollouts_outcome outcome = rc < 0 ? ROLLOUTS_FAILED : fill_make(server, row, description, &fill, error);
	if (outcome == ROLLOUTS_DONE)
		fill_free(&fill);
	return outcome;
}

const char *rollout_tenant(const struct principal *who, const struct rollout_description *description)
{
	if (*who->tenant)
		return who->tenant;
	return *description->tenant ? description->tenant : "default";
}

enum rollouts_outcome rollouts_create(struct skerryd *server, const struct principal *who,
	const struct rollout_description *description, char id[33], struct fleet_error *error)
{
	struct store_rollout row = {.state = ROLLOUT_DRAFT, .version_number = 1, .added_at = server->now_ms / 1000};
	note_random_id(row.id, 13);
	memcpy(id, row.id, sizeof row.id);
	snprintf(row.tenant, sizeof row.tenant, "%s", rollout_tenant(who, description));
	snprintf(row.author, sizeof row.author, "%s", who->name);
	enum rollouts_outcome outcome = describe(server, &row, description, error);
	const struct open_rollout r = {.row = row};
	if (outcome == ROLLOUTS_DONE &&
		(store_rollout_add(server->store, &row) < 0 ||
			rollout_event(server, &r, "rollout-created", "created by %s", who->name) < 0 ||
			audit(server, who, "create", row.id,
				json_pack("{s:s, s:s}", "name", row.name, "image", row.digest)) < 0))
		outcome = ROLLOUTS_FAILED;
	store_rollout_free(&row);
	server->changed |= CHANGED_ROLLOUT;
	return outcome;
}

static enum rollouts_outcome none(const char *id, struct fleet_error *error)
{
	(void)!fleet_fail(error, "see `skerry rollout list`", "there is no rollout '%s'", id);
	return ROLLOUTS_NONE;
}

static bool may_see(const struct principal *who, const struct store_rollout *row)
{
	return !*who->tenant || strcmp(who->tenant, row->tenant) == 0;
}

static enum rollouts_outcome conflict(const struct store_rollout *row, const char *verb, struct fleet_error *error)
{
	(void)!fleet_fail(error, "see `skerry rollout show`", "a rollout that is %s cannot be told to %s",
		rollout_state_name(row->state), verb);
	return ROLLOUTS_CONFLICT;
}

static enum rollouts_outcome change(struct skerryd *server, const struct principal *who, struct store_rollout *row,
	const struct rollout_description *description, struct fleet_error *error)
{
	if (row->state != ROLLOUT_DRAFT)
		return conflict(row, "change", error);
	enum rollouts_outcome outcome = describe(server, row, description, error);
	if (outcome != ROLLOUTS_DONE)
		return outcome;
	row->version_number++;
	server->changed |= CHANGED_ROLLOUT;
	if (store_rollout_put(server->store, row) < 0 || store_approvals_drop(server->store, row->id) < 0 ||
		audit(server, who, "change", row->id,
			json_pack("{s:s, s:s}", "name", row->name, "image", row->digest)) < 0)
		return ROLLOUTS_FAILED;
	return ROLLOUTS_DONE;
}

enum rollouts_outcome rollouts_change(struct skerryd *server, const struct principal *who, const char *id,
	const struct rollout_description *description, struct fleet_error *error)
{
	struct store_rollout row;
	int rc = store_rollout_get(server->store, id, &row);
	if (rc)
		return rc < 0 ? ROLLOUTS_FAILED : none(id, error);
	enum rollouts_outcome outcome =
		may_see(who, &row) ? change(server, who, &row, description, error) : none(id, error);
	store_rollout_free(&row);
	return outcome;
}

/* ---- approval and start ---- */

static enum rollouts_outcome approve(
	struct skerryd *server, const struct principal *who, struct open_rollout *r, struct fleet_error *error)
{
	if (r->row.state != ROLLOUT_DRAFT)
		return conflict(&r->row, "approve", error);
	if (strcmp(who->name, r->row.author) == 0) {
		(void)!fleet_fail(error, "let somebody else approve it, with a token of their own",
			"%s made this rollout, and four eyes see more than two", who->name);
		return ROLLOUTS_CONFLICT;
	}
	int rc = store_approval_add(server->store, r->row.id, who->name, server->now_ms / 1000);
	if (rc == STORE_NONE) {
		(void)!fleet_fail(error, "let somebody else approve it too", "%s has approved it already", who->name);
		return ROLLOUTS_CONFLICT;
	}
	r->changed = true;
	if (rc < 0 || rollout_event(server, r, "rollout-approved", "approved by %s", who->name) < 0)
		return ROLLOUTS_FAILED;
	return ROLLOUTS_DONE;
}

static int add_targets(struct skerryd *server, struct open_rollout *r, const struct fill *fill)
{
	for (size_t i = 0; i < fill->in_waves; i++) {
		const struct fill_device *device = fill->order[i];
		struct store_target target = {
			.wave = device->wave, .rank = (int64_t)i, .target = target_new(r->description->retries + 1)};
		memcpy(target.device, device->id, sizeof target.device);
		memcpy(target.digest_before, device->digest, sizeof target.digest_before);
		if (store_target_add(server->store, r->row.id, &target) < 0)
			return -1;
		rollout_count(&r->rollout, target.wave, NULL, &target.target);
		if (device->runs_it && rollout_step_truth(server, r, &target, device->digest) < 0)
			return -1;
	}
	return 0;
}

static enum rollouts_outcome enough_approvals(
	struct skerryd *server, const struct open_rollout *r, struct fleet_error *error)
{
	json_t *rows;
	if (store_approvals_json(server->store, r->row.id, &rows) < 0)
		return ROLLOUTS_FAILED;
	size_t given = json_array_size(rows), wanted = r->description->approvals;
	json_decref(rows);
	if (given >= wanted)
		return ROLLOUTS_DONE;
	(void)!fleet_fail(error, "`skerry rollout approve` by others than its author",
		"it needs %zu approvals and has %zu", wanted, given);
	return ROLLOUTS_CONFLICT;
}

static enum rollouts_outcome start_filled(
	struct skerryd *server, struct open_rollout *r, const struct fill *fill, struct fleet_error *error)
{
	if (fill->in_waves == 0 && !r->description->spec.continuous) {
		(void)!fleet_fail(error, "see `skerry rollout plan`", "no device matches: nobody would be reached");
		return ROLLOUTS_CONFLICT;
	}
	if (add_targets(server, r, fill) < 0)
		return ROLLOUTS_FAILED;
	for (uint32_t w = 0; w < r->description->spec.wave_count; w++)
		if (store_wave_put(server->store, r->row.id, w, &r->rollout.waves[w]) < 0)
			return ROLLOUTS_FAILED;
	rollout_pass(&r->rollout, &r->description->spec, ROLLOUT_ALL, server->now_ms);
	r->row.started_at = server->now_ms / 1000;
	r->changed = true;
	if (rollout_event(server, r, "rollout-started", "started for %zu devices in %u waves", fill->in_waves,
		    r->description->spec.wave_count) < 0)
		return ROLLOUTS_FAILED;
	return ROLLOUTS_DONE;
}

static enum rollouts_outcome start(struct skerryd *server, struct open_rollout *r, struct fleet_error *error)
{
	struct fill fill;
	if (r->row.state != ROLLOUT_DRAFT)
		return conflict(&r->row, "start", error);
	enum rollouts_outcome outcome = enough_approvals(server, r, error);
	if (outcome == ROLLOUTS_DONE)
		outcome = fill_make(server, &r->row, r->description, &fill, error);
	if (outcome != ROLLOUTS_DONE)
		return outcome;
	outcome = start_filled(server, r, &fill, error);
	fill_free(&fill);
	return outcome;
}

/* ---- the others ---- */

static enum rollouts_outcome stop(struct skerryd *server, const struct principal *who, struct open_rollout *r,
	enum rollout_action action, struct fleet_error *error)
{
	char reason[128];
	bool running = r->row.state == ROLLOUT_RUNNING || (action != ACTION_PAUSE && r->row.state == ROLLOUT_PAUSED);
	static const char *const done[] = {
		[ACTION_PAUSE] = "paused", [ACTION_ABORT] = "aborted", [ACTION_ROLLBACK] = "rolled back"};
	if (!running)
		return conflict(&r->row,
			action == ACTION_PAUSE   ? "pause"
			: action == ACTION_ABORT ? "abort"
						 : "roll back",
			error);
	snprintf(reason, sizeof reason, "%s by %s", done[action], who->name);
	return rollout_stop_all(server, r, action, reason) < 0 ? ROLLOUTS_FAILED : ROLLOUTS_DONE;
}

static enum rollouts_outcome resume(
	struct skerryd *server, const struct principal *who, struct open_rollout *r, struct fleet_error *error)
{
	if (r->row.state != ROLLOUT_PAUSED)
		return conflict(&r->row, "resume", error);
	rollout_resume(&r->rollout, &r->description->spec);
	r->row.reason[0] = 0;
	r->changed = true;
	return rollout_event(server, r, "rollout-resumed", "resumed by %s", who->name) < 0 ? ROLLOUTS_FAILED
											   : ROLLOUTS_DONE;
}

static enum rollouts_outcome retry(
	struct skerryd *server, const struct principal *who, struct open_rollout *r, struct fleet_error *error)
{
	if (r->row.state != ROLLOUT_RUNNING && r->row.state != ROLLOUT_PAUSED)
		return conflict(&r->row, "retry", error);
	if (rollout_step_state(server, r, TARGET_FAILED, EVENT_RETRY, NULL) < 0 ||
		rollout_step_state(server, r, TARGET_TIMED_OUT, EVENT_RETRY, NULL) < 0 ||
		rollout_event(server, r, "rollout-retried", "failed devices get another try, by %s", who->name) < 0)
		return ROLLOUTS_FAILED;
	r->changed = true;
	return ROLLOUTS_DONE;
}

/* Nobody joins any more; of one that ends, those that are still waited for are given up. */
static enum rollouts_outcome close_it(
	struct skerryd *server, const struct principal *who, struct open_rollout *r, struct fleet_error *error)
{
	static const enum target_state waited_for[] = {TARGET_ACTIVE, TARGET_REVERT, TARGET_REVERTING};
	bool ends = r->row.state == ROLLOUT_ABORTING || r->row.state == ROLLOUT_REVERTING;
	bool joins =
		r->description->spec.continuous && (r->row.state == ROLLOUT_RUNNING || r->row.state == ROLLOUT_PAUSED);
	if (!ends && !joins)
		return conflict(&r->row, "close", error);
	for (size_t i = 0; ends && i < sizeof waited_for / sizeof *waited_for; i++)
		if (rollout_step_state(server, r, waited_for[i], EVENT_GONE, "given up by an operator") < 0)
			return ROLLOUTS_FAILED;
	if (joins) {
		r->description->spec.continuous = false;
		json_t *json = rollout_spec_json(r->description);
		free(r->row.spec);
		r->row.spec = json ? json_dumps(json, JSON_COMPACT) : NULL;
		json_decref(json);
	}
	r->changed = true;
	return r->row.spec && rollout_event(server, r, "rollout-closed", "closed by %s", who->name) == 0
		       ? ROLLOUTS_DONE
		       : ROLLOUTS_FAILED;
}

static enum rollouts_outcome do_verb(struct skerryd *server, const struct principal *who, enum rollouts_verb verb,
	struct open_rollout *r, struct fleet_error *error)
{
	switch (verb) {
	case VERB_START:
		return start(server, r, error);
	case VERB_PAUSE:
		return stop(server, who, r, ACTION_PAUSE, error);
	case VERB_RESUME:
		return resume(server, who, r, error);
	case VERB_ABORT:
		return stop(server, who, r, ACTION_ABORT, error);
	case VERB_ROLLBACK:
		return stop(server, who, r, ACTION_ROLLBACK, error);
	case VERB_RETRY:
		return retry(server, who, r, error);
	case VERB_APPROVE:
		return approve(server, who, r, error);
	case VERB_CLOSE:
		return close_it(server, who, r, error);
	}
	return ROLLOUTS_FAILED;
}

/* What is started goes on in memory; all else is put away again. */
static void put_away(struct skerryd *server, struct open_rollout *r)
{
	struct open_rollout **end = &server->rollouts->first;
	if (r->row.state == ROLLOUT_DRAFT || rollout_state_is_over(r->row.state)) {
		rollout_free(r);
		return;
	}
	while (*end)
		end = &(*end)->next;
	*end = r;
}

enum rollouts_outcome rollouts_do(struct skerryd *server, const struct principal *who, enum rollouts_verb verb,
	const char *id, struct fleet_error *error)
{
	struct open_rollout *r;
	int rc = 0;
	if (rollout_load_all(server) < 0)
		return ROLLOUTS_FAILED;
	r = rollout_find(server, id);
	bool loaded = !r;
	if (loaded)
		rc = rollout_load(server, id, &r);
	if (rc)
		return rc < 0 ? ROLLOUTS_FAILED : none(id, error);
	enum rollouts_outcome outcome = may_see(who, &r->row) ? do_verb(server, who, verb, r, error) : none(id, error);
	if (outcome == ROLLOUTS_DONE &&
		(rollout_serve(server, r) < 0 || audit(server, who, verb_names[verb], id, NULL) < 0))
		outcome = ROLLOUTS_FAILED;
	if (loaded && outcome == ROLLOUTS_DONE)
		put_away(server, r);
	else if (loaded)
		rollout_free(r);
	return outcome;
}
