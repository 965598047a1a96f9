/* SPDX-License-Identifier: Apache-2.0 */
/* Who belongs to which wave: at the start, in a plan, and those who join late. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/rollouts_priv.h"

/* ---- candidates ---- */

/* A number that depends on nothing but rollout and device, and looks like chance (FNV-1a, then mixed). */
static uint64_t chance(const char *rollout, const char *device)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (int part = 0; part < 2; part++)
		for (const char *at = part ? device : rollout; *at; at++)
			hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
	hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
	hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
	return hash ^ hash >> 31;
}

static int by_id(const void *a, const void *b)
{
	const struct fill_device *x = a, *y = b;
	return strcmp(x->id, y->id);
}

/* The names of the boards that the image is for. A new reference; NULL: out of memory. */
static int boards_of(struct skerryd *server, const struct store_manifest *facts, json_t **boards)
{
	json_t *rows;
	const json_t *row;
	size_t index;
	if (store_boards_json(server->store, &rows) < 0)
		return -1;
	*boards = json_array();
	json_array_foreach(rows, index, row)
	{
		uint8_t id[16];
		const char *board = json_string_value(json_object_get(row, "board"));
		text_class_id(facts->vendor_id, board, id);
		if (memcmp(id, facts->class_id, sizeof id) == 0)
			json_array_append_new(*boards, json_string(board));
	}
	json_decref(rows);
	return 0;
}

static void copy_text(char *out, size_t size, const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));
	snprintf(out, size, "%s", text ? text : "");
}

static void take_row(struct fill_device *device, const struct store_rollout *row, const json_t *from)
{
	char mode[17];
	copy_text(device->id, sizeof device->id, from, "id");
	copy_text(device->digest, sizeof device->digest, from, "digest");
	copy_text(device->taken, sizeof device->taken, from, "taken");
	copy_text(mode, sizeof mode, from, "mode");
	copy_text(device->zone, sizeof device->zone, json_object_get(from, "attributes"), "timezone");
	device->online = json_is_true(json_object_get(from, "online"));
	device->runs_it = strcmp(device->digest, row->digest) == 0 && (!*mode || strcmp(mode, "normal") == 0);
	device->wave = FILL_NO_WAVE;
}

static int take_rows(struct fill *fill, const struct store_rollout *row, const json_t *rows)
{
	const json_t *from;
	size_t index;
	fill->count = json_array_size(rows);
	fill->devices = calloc(fill->count + 1, sizeof *fill->devices);
	fill->order = calloc(fill->count + 1, sizeof *fill->order);
	if (!fill->devices || !fill->order)
		return -1;
	json_array_foreach(rows, index, from)
	{
		take_row(&fill->devices[index], row, from);
	}
	qsort(fill->devices, fill->count, sizeof *fill->devices, by_id);
	return 0;
}

void fill_free(struct fill *fill)
{
	free(fill->devices);
	free(fill->order);
	*fill = (struct fill){0};
}

/* ---- waves ---- */

static int by_order(const void *a, const void *b)
{
	const struct fill_device *x = *(struct fill_device *const *)a, *y = *(struct fill_device *const *)b;
	int value = strcmp(x->value, y->value);
	if (value)
		return value;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* So many at most, of `total` devices in all. */
static size_t wave_limit(const struct rollout_members *members, size_t total)
{
	if (members->count)
		return members->count;
	return members->percent ? (total * members->percent + 99) / 100 : SIZE_MAX;
}

/* Those that match the wave and that no earlier one took: into order[], which is then in its order. */
static size_t collect(
	struct fill *fill, const struct store_rollout *row, const struct rollout_members *members, const json_t *rows)
{
	const json_t *from;
	size_t index, count = 0;
	json_array_foreach(rows, index, from)
	{
		struct fill_device wanted = {0}, *device;
		copy_text(wanted.id, sizeof wanted.id, from, "id");
		device = bsearch(&wanted, fill->devices, fill->count, sizeof wanted, by_id);
		if (!device || device->wave != FILL_NO_WAVE || *device->taken)
			continue;
		device->key = members->order == ORDER_RANDOM ? chance(row->id, device->id) : 0;
		copy_text(device->value, sizeof device->value,
			members->order == ORDER_ATTRIBUTE ? json_object_get(from, "attributes") : NULL,
			members->attribute);
		fill->order[fill->in_waves + count++] = device;
	}
	qsort(fill->order + fill->in_waves, count, sizeof *fill->order, by_order);
	return count;
}

struct filling {
	struct skerryd *server;
	const struct store_rollout *row;
	const struct rollout_description *description;
	const json_t *boards;
	struct fleet_error *error;
};

static int get_candidates(const struct filling *filling, const char *selector, bool attributes, json_t **rows)
{
	const struct store_candidates candidates = {.rollout = filling->row->id,
		.tenant = filling->row->tenant,
		.app = filling->row->app,
		.boards = filling->boards,
		.selectors = {filling->description->selector, selector},
		.with_attributes = attributes};
	return store_candidates_get(filling->server->store, &candidates, rows, filling->error);
}

static int fill_wave(const struct filling *filling, struct fill *fill, uint32_t wave, size_t total)
{
	const struct rollout_members *members = &filling->description->members[wave];
	json_t *rows;
	int rc = get_candidates(filling, members->selector, members->order == ORDER_ATTRIBUTE, &rows);
	if (rc)
		return rc;
	size_t count = collect(fill, filling->row, members, rows), limit = wave_limit(members, total);
	json_decref(rows);
	fill->size[wave] = count < limit ? count : limit;
	for (size_t i = 0; i < fill->size[wave]; i++)
		fill->order[fill->in_waves + i]->wave = wave;
	fill->in_waves += fill->size[wave];
	return 0;
}

static int fill_waves(const struct filling *filling, struct fill *fill)
{
	json_t *rows;
	size_t total = 0;
	int rc = get_candidates(filling, "", true, &rows);
	if (rc)
		return rc;
	rc = take_rows(fill, filling->row, rows);
	json_decref(rows);
	for (size_t i = 0; rc == 0 && i < fill->count; i++)
		total += !*fill->devices[i].taken;
	for (uint32_t w = 0; rc == 0 && w < filling->description->spec.wave_count; w++)
		rc = fill_wave(filling, fill, w, total);
	return rc;
}

enum rollouts_outcome fill_make(struct skerryd *server, const struct store_rollout *row,
	const struct rollout_description *description, struct fill *fill, struct fleet_error *error)
{
	struct store_manifest facts;
	json_t *boards;
	*fill = (struct fill){0};
	int rc = store_image_facts(server->store, row->digest, row->tenant, &facts);
	if (rc == STORE_NONE) {
		(void)!fleet_fail(error, "upload it with `skerry image push`, or see `skerry image list`",
			"there is no image %s whose manifest says what it is for", row->digest);
		return ROLLOUTS_INVALID;
	}
	if (rc < 0 || boards_of(server, &facts, &boards) < 0)
		return ROLLOUTS_FAILED;
	const struct filling filling = {server, row, description, boards, error};
	rc = fill_waves(&filling, fill);
	json_decref(boards);
	if (rc)
		fill_free(fill);
	return rc < 0 ? ROLLOUTS_FAILED : rc == STORE_NONE ? ROLLOUTS_INVALID : ROLLOUTS_DONE;
}

/* ---- late joiners ---- */

static int add_late(
	struct skerryd *server, struct open_rollout *r, const struct fill_device *device, uint32_t wave, int64_t rank)
{
	struct store_target target = {.wave = wave, .rank = rank, .target = target_new(r->description->retries + 1)};
	snprintf(target.device, sizeof target.device, "%s", device->id);
	snprintf(target.digest_before, sizeof target.digest_before, "%s", device->digest);
	if (store_target_add(server->store, r->row.id, &target) < 0)
		return -1;
	rollout_count(&r->rollout, wave, NULL, &target.target);
	r->changed = true;
	return device->runs_it ? rollout_step_truth(server, r, &target, device->digest) : 0;
}

static size_t wave_size(const struct rollout_wave *wave)
{
	size_t size = 0;
	for (enum target_state state = 0; state < TARGET_STATES; state++)
		size += wave->count[state];
	return size;
}

/* Into the first wave that takes it and has room; those that no wave takes stay out. */
static int join_waves(const struct filling *filling, struct open_rollout *r, struct fill *fill, size_t total)
{
	const struct rollout_description *description = r->description;
	for (uint32_t w = 0; w < description->spec.wave_count; w++) {
		const struct rollout_members *members = &description->members[w];
		bool last = w + 1 == description->spec.wave_count;
		size_t limit = last ? SIZE_MAX : wave_limit(members, total);
		json_t *rows;
		int rc = get_candidates(filling, members->selector, members->order == ORDER_ATTRIBUTE, &rows);
		if (rc)
			return rc;
		fill->in_waves = 0;
		size_t count = collect(fill, filling->row, members, rows);
		json_decref(rows);
		for (size_t i = 0; i < count; i++) {
			size_t size = wave_size(&r->rollout.waves[w]);
			if (size >= limit)
				break;
			fill->order[i]->wave = w;
			if (add_late(filling->server, r, fill->order[i], w, (int64_t)size) < 0)
				return -1;
		}
	}
	return 0;
}

int fill_join(struct skerryd *server, struct open_rollout *r)
{
	struct store_manifest facts;
	struct fleet_error error;
	struct fill fill = {0};
	json_t *boards, *rows = NULL;
	size_t total = 0;
	int rc = store_image_facts(server->store, r->row.digest, r->row.tenant, &facts);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (boards_of(server, &facts, &boards) < 0)
		return -1;
	const struct filling filling = {server, &r->row, r->description, boards, &error};
	rc = get_candidates(&filling, "", true, &rows);
	if (rc == 0 && json_array_size(rows) > 0)
		rc = take_rows(&fill, &r->row, rows);
	for (uint32_t w = 0; w < r->description->spec.wave_count; w++)
		total += wave_size(&r->rollout.waves[w]);
	if (rc == 0 && fill.count > 0)
		rc = join_waves(&filling, r, &fill, total + fill.count);
	json_decref(rows);
	json_decref(boards);
	fill_free(&fill);
	return rc < 0 ? -1 : 0;
}
