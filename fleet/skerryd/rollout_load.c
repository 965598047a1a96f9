/* SPDX-License-Identifier: Apache-2.0 */
/* Rollouts between database and memory. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/note.h"
#include "skerryd/rollouts_priv.h"

void rollout_free(struct open_rollout *r)
{
	if (!r)
		return;
	store_rollout_free(&r->row);
	free(r->description);
	free(r);
}

static void forget_all(struct rollouts *rollouts)
{
	while (rollouts->first) {
		struct open_rollout *r = rollouts->first;
		rollouts->first = r->next;
		rollout_free(r);
	}
	rollouts->room_ms = 0;
	rollouts->loaded = false;
}

int rollouts_start(struct skerryd *server)
{
	server->rollouts = calloc(1, sizeof *server->rollouts);
	return server->rollouts ? 0 : -1;
}

void rollouts_stop(struct skerryd *server)
{
	if (server->rollouts)
		forget_all(server->rollouts);
	free(server->rollouts);
	server->rollouts = NULL;
}

void rollouts_settle(struct skerryd *server, bool kept)
{
	struct rollouts *rollouts = server->rollouts;
	bool touched = false;
	if (!rollouts)
		return;
	for (struct open_rollout *r = rollouts->first; r; r = r->next) {
		touched |= r->touched || r->changed;
		r->touched = false;
	}
	if (touched && !kept)
		forget_all(rollouts);
	/* Those that are over need not be here any more. */
	struct open_rollout **at = &rollouts->first;
	while (*at) {
		struct open_rollout *r = *at;
		if (!rollout_state_is_over(r->row.state)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		rollout_free(r);
	}
}

/* ---- reading ---- */

static int read_description(struct open_rollout *r)
{
	struct fleet_error error;
	json_t *json = json_loads(r->row.spec, 0, NULL);
	r->description = malloc(sizeof *r->description);
	int rc = r->description ? rollout_spec_parse(json, r->description, &error) : -1;
	/* It was accepted once: another program wrote it, or an older one with other bounds. */
	if (rc < 0)
		note("rollout: unreadable rollout=%s reason=\"%s\"", r->row.id,
			r->description ? error.cause : "memory");
	json_decref(json);
	return rc;
}

static int read_waves(struct store *store, struct open_rollout *r)
{
	rollout_init(&r->rollout, &r->description->spec);
	r->rollout.state = r->row.state;
	for (uint32_t w = 0; w < r->description->spec.wave_count; w++)
		if (store_wave_get(store, r->row.id, w, &r->rollout.waves[w]) < 0)
			return -1;
	if (store_waves_count(store, r->row.id, r->rollout.waves) < 0)
		return -1;
	r->kept = r->rollout;
	return 0;
}

int rollout_load(struct skerryd *server, const char *id, struct open_rollout **out)
{
	struct open_rollout *r = calloc(1, sizeof *r);
	if (!r)
		return -1;
	int rc = store_rollout_get(server->store, id, &r->row);
	if (rc == 0)
		rc = read_description(r) < 0 || read_waves(server->store, r) < 0 ? -1 : 0;
	if (rc == 0)
		*out = r;
	else
		rollout_free(r);
	return rc;
}

static int add_loaded(struct skerryd *server, const char *id)
{
	struct open_rollout *r, **end = &server->rollouts->first;
	if (rollout_load(server, id, &r) != 0)
		return -1;
	while (*end)
		end = &(*end)->next;
	*end = r;
	return 0;
}

int rollout_load_all(struct skerryd *server)
{
	json_t *rows;
	const json_t *row;
	size_t index;
	int rc = 0;
	if (!server->rollouts || server->rollouts->loaded)
		return 0;
	if (store_rollouts_open(server->store, NULL, &rows) < 0)
		return -1;
	json_array_foreach(rows, index, row)
	{
		if (rc == 0)
			rc = add_loaded(server, json_string_value(json_object_get(row, "id")));
	}
	json_decref(rows);
	if (rc < 0)
		forget_all(server->rollouts);
	else
		server->rollouts->loaded = true;
	return rc;
}

struct open_rollout *rollout_find(struct skerryd *server, const char *id)
{
	struct open_rollout *r = server->rollouts ? server->rollouts->first : NULL;
	while (r && strcmp(r->row.id, id) != 0)
		r = r->next;
	return r;
}

/* ---- writing ---- */

static bool wave_differs(const struct rollout_wave *a, const struct rollout_wave *b)
{
	return a->state != b->state || a->satisfied_ms != b->satisfied_ms || a->bucket.fill != b->bucket.fill ||
	       a->bucket.at_ms != b->bucket.at_ms || a->bucket.starts != b->bucket.starts ||
	       a->offline_forgiven != b->offline_forgiven || memcmp(a->forgiven, b->forgiven, sizeof a->forgiven) != 0;
}

int rollout_keep(struct skerryd *server, struct open_rollout *r)
{
	bool changed = r->changed || r->row.state != r->rollout.state;
	for (uint32_t w = 0; w < r->description->spec.wave_count; w++) {
		if (!wave_differs(&r->rollout.waves[w], &r->kept.waves[w]))
			continue;
		changed = r->touched = true;
		if (store_wave_put(server->store, r->row.id, w, &r->rollout.waves[w]) < 0)
			return -1;
	}
	if (!changed)
		return 0;
	r->touched = true;
	r->row.state = r->rollout.state;
	r->row.version_number++;
	if (rollout_state_is_over(r->row.state))
		r->row.ended_at = server->now_ms / 1000;
	if (store_rollout_put(server->store, &r->row) < 0)
		return -1;
	r->kept = r->rollout;
	r->changed = false;
	server->changed |= CHANGED_ROLLOUT;
	return 0;
}

int rollout_event(struct skerryd *server, const struct open_rollout *r, const char *kind, const char *text, ...)
{
	char words[360], all[440];
	va_list args;
	va_start(args, text);
	vsnprintf(words, sizeof words, text, args);
	va_end(args);
	snprintf(all, sizeof all, "%s: %s", r->row.name, words);
	return skerryd_event(server,
		&(struct store_event){.kind = kind, .text = all, .rollout = r->row.id, .tenant = r->row.tenant});
}
