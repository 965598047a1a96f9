/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot rules model-checked over the real bootrec.c: first every record that can be written × every content of the slots × every way a
 * start can go, reachable or not (forged, rotten, of a newer format); then every state that a device reaches from the factory, with every event
 * in every one. In each: what must hold of a start (model.c), and that there is a way out. Prints `states: N, transitions: M, failed: K`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define ENTRIES     28 /* empty; three digests × nine states */
#define WAY_OUT_MAX 40

static unsigned long long states, transitions, hopeless;

/* ---- The way out: what device and operator do, and the most it may take ---- */

static bool is_home(const struct model *model)
{
	const struct ota_bootrec_slot *entry = &model->rec.slot[model->slot];

	return model->on && model->mode != OTA_MODE_SAFE && entry->state == OTA_SLOT_CONFIRMED &&
	       entry->image.digest[0] == model->content[model->slot] && model->rec.starts == 0;
}

/* The operator gives the device an image that it may take. */
static bool give_image(struct model *model)
{
	for (unsigned symbol = MODEL_IMAGES; symbol > 0; symbol--) {
		struct model given = *model;

		(void)model_forget(&given, symbol);
		if (!model_install(&given, symbol))
			continue;
		(void)model_unmark(&given);
		(void)model_write(&given);
		if (!model_ready(&given) || !model_arm(&given))
			continue;
		*model = given;
		return model_reset(model);
	}
	return false;
}

/* One step of it; false: nothing is left to be done. */
static bool step_out(struct model *model)
{
	struct model_start start = {0};

	if (!model->on)
		return model_boot(model, &start);
	if (!model_agent_runs(model)) /* U-Boot could not write or read: the next start tries again */
		return model_reset(model);
	if (model->mode == OTA_MODE_SAFE &&
		model_deadline(model)) /* a trial that could not be written off at its start */
		return true;
	if (model->mode != OTA_MODE_SAFE && (model_confirm(model) || model_clear(model)))
		return true;
	return give_image(model);
}

static void check_way_out(const struct model *model)
{
	struct model device = *model;

	for (unsigned steps = 0; !is_home(&device); steps++) {
		struct model_start start = {0};

		if (!device.on && !model_boot(&device, &start)) {
			hopeless++; /* model.c saw that nothing verifies, or all of it is too old */
			return;
		}
		if (is_home(&device))
			return;
		if (steps >= WAY_OUT_MAX || !step_out(&device)) {
			model_expect(false, "there is a way to a confirmed, healthy image; it begins at", model);
			model_expect(false, "… and ends at", &device);
			return;
		}
	}
}

/* ---- A device that dies in every start: both slots get their turns in both modes, and no faster than the pauses allow ---- */

static bool was_eligible(const struct model *model, unsigned slot)
{
	const struct ota_bootrec_slot *entry = &model->rec.slot[slot];
	struct ota_image image = model_image(model->content[slot]);

	return model->content[slot] && (entry->state == OTA_SLOT_CONFIRMED || entry->state == OTA_SLOT_READY) &&
	       entry->image.digest[0] == model->content[slot] && image.counter >= model->rec.min_counter &&
	       !ota_bootrec_has_failed(&model->rec, image.digest);
}

/* It was started as one that was confirmed, so it worked once. */
static bool was_vouched(const struct model *model)
{
	return (was_eligible(model, 0) && model->rec.slot[0].state == OTA_SLOT_CONFIRMED) ||
	       (was_eligible(model, 1) && model->rec.slot[1].state == OTA_SLOT_CONFIRMED);
}

static bool has_failed(const struct model *model, unsigned slot)
{
	return ota_bootrec_has_failed(&model->rec, model_image(model->content[slot]).digest);
}

static bool may_start(const struct model *model, unsigned slot)
{
	return model->content[slot] && model_image(model->content[slot]).counter >= model->rec.min_counter;
}

static void check_climb(const struct model *model)
{
	struct model device = *model;
	bool ran[2][3] = {{false}};
	uint64_t paused_ms = 0;

	/* Two trials' tries at most, and a whole round. */
	for (unsigned i = 0; i < 6 + 12; i++) {
		struct model_start start = {.reset = OTA_CAUSE_WATCHDOG};

		if (!model_boot(&device, &start))
			return;
		ran[device.slot][device.mode] = true;
		paused_ms += start.plan.pause_ms;
		(void)model_reset(&device);
	}
	for (unsigned slot = 0; slot < 2; slot++)
		if (!was_vouched(&device) && may_start(model, slot) &&
			(has_failed(&device, slot) || (!was_eligible(&device, 0) && !was_eligible(&device, 1))))
			model_expect(
				ran[slot][OTA_MODE_NORMAL] || ran[slot][OTA_MODE_SAFE] || ran[slot][OTA_MODE_TRIAL],
				"where no slot was ever confirmed, each that verifies has its turn", model);
	for (unsigned slot = 0; slot < 2; slot++)
		if (was_eligible(model, slot) && was_eligible(&device, slot))
			model_expect(ran[slot][OTA_MODE_NORMAL] && ran[slot][OTA_MODE_SAFE],
				"a device that keeps dying tries each eligible slot, in both modes", model);
	model_expect(paused_ms >= 3 * 60000, "… and pauses", model);
}

/* ---- Every record ---- */

static struct ota_bootrec_slot entry_of(unsigned number)
{
	static const uint8_t shapes[9] = {OTA_SLOT_WRITING, OTA_SLOT_READY, OTA_SLOT_CONFIRMED, OTA_SLOT_BAD, 77,
		OTA_SLOT_TRIAL, OTA_SLOT_TRIAL, OTA_SLOT_TRIAL, OTA_SLOT_TRIAL};
	struct ota_bootrec_slot entry = {.state = OTA_SLOT_EMPTY};
	unsigned shape;

	if (number == 0)
		return entry;
	shape = (number - 1) % 9;
	entry.image = model_image(1 + (number - 1) / 9);
	entry.state = shapes[shape];
	entry.tries_left = (uint8_t)(shape > 5 ? shape - 5 : 0);
	return entry;
}

static void failed_of(struct ota_bootrec *rec, unsigned mask)
{
	unsigned count = 0;

	for (unsigned symbol = 1; symbol <= MODEL_IMAGES; symbol++)
		if (mask >> (symbol - 1) & 1)
			memcpy(rec->failed[count++].digest, model_image(symbol).digest, OTA_BOOTREC_DIGEST_BYTES);
}

static void record_check(const struct model *model)
{
	states++;
	for (unsigned unreadable = 0; unreadable < 4; unreadable++) {
		struct model device = *model;
		struct model_start start = {.unreadable = unreadable};

		transitions++;
		/* That it cannot be written changes a trial's start alone. */
		if (!model_boot(&device, &start) || device.mode != OTA_MODE_TRIAL)
			continue;
		device = *model;
		start = (struct model_start){.unreadable = unreadable, .unwritable = true};
		transitions++;
		(void)model_boot(&device, &start);
	}
}

/* Each rung of the ladder once; every number of starts: every_count_of_starts(). */
static void rungs_check(struct model *model)
{
	static const uint8_t rungs[] = {0, 3, 6, 9};
	uint64_t key;
	struct model named;

	model->rec.starts = 0;
	key = model_pack(model);
	model_unpack(key, &named);
	if (named.content[0] != model->content[0] || named.content[1] != model->content[1] ||
		memcmp(&named.rec.slot, &model->rec.slot, sizeof(named.rec.slot)) != 0)
		return; /* its twin is checked */
	for (size_t i = 0; i < sizeof(rungs); i++) {
		model->rec.starts = rungs[i];
		record_check(model);
		if (rungs[i] == 0) {
			transitions += 9;
			model_check_agent(model);
			check_way_out(model);
			check_climb(model);
		}
	}
}

static void contents_check(struct model *model)
{
	for (unsigned a = 0; a <= MODEL_IMAGES; a++) {
		for (unsigned b = 0; b <= MODEL_IMAGES; b++) {
			model->content[0] = (uint8_t)a;
			model->content[1] = (uint8_t)b;
			rungs_check(model);
		}
	}
}

static void every_record(void)
{
	static const uint8_t active[] = {OTA_SLOT_A, OTA_SLOT_B, OTA_SLOT_NONE};
	struct model model;

	for (unsigned entries = 0; entries < ENTRIES * ENTRIES; entries++) {
		for (unsigned rest = 0; rest < 3 * 3 * 8; rest++) {
			memset(&model, 0, sizeof(model));
			ota_bootrec_init(&model.rec);
			model.rec.slot[0] = entry_of(entries % ENTRIES);
			model.rec.slot[1] = entry_of(entries / ENTRIES);
			model.rec.active = active[rest % 3];
			model.rec.min_counter = 1 + rest / 3 % 3; /* 3: above every image */
			failed_of(&model.rec, rest / 9);
			contents_check(&model);
		}
	}
}

/* Every number of starts, of a pair that is confirmed: pauses grow, and the ladder keeps its step past the end of the byte. */
static void every_count_of_starts(void)
{
	uint32_t pause = 0;

	for (unsigned starts = 0; starts < 256; starts++) {
		struct model device = {.content = {1, 2}};
		struct model_start first = {0}, second = {0};

		ota_bootrec_init(&device.rec);
		device.rec.active = OTA_SLOT_A;
		device.rec.slot[0] = (struct ota_bootrec_slot){.image = model_image(1), .state = OTA_SLOT_CONFIRMED};
		device.rec.slot[1] = (struct ota_bootrec_slot){.image = model_image(2), .state = OTA_SLOT_CONFIRMED};
		device.rec.starts = (uint8_t)starts;
		transitions += 2;
		(void)model_boot(&device, &first);
		model_expect(first.plan.pause_ms >= pause && first.plan.pause_ms <= 60000, "pauses grow, to a minute",
			&device);
		pause = first.plan.pause_ms;
		model_expect(
			device.rec.starts % 12 == (starts + 1) % 12, "the rung after this one is the next", &device);
		(void)model_reset(&device);
		(void)model_boot(&device, &second);
		model_expect(second.plan.pause_ms >= pause, "pauses do not shrink", &device);
	}
}

/* ---- Every state that can be reached ---- */

#define TABLE_BITS 23

static uint64_t *table; /* open addressing; key + 1, 0 = free */
static uint64_t *queue;
static uint32_t *parent; /* the place in the queue of the state before */
static size_t queued, current;

static void reach(const struct model *model)
{
	uint64_t key = model_pack(model) + 1;
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15ull >> (64 - TABLE_BITS));

	transitions++;
	while (table[at] && table[at] != key)
		at = (at + 1) & (((size_t)1 << TABLE_BITS) - 1);
	if (table[at])
		return;
	if (queued > ((size_t)1 << TABLE_BITS) / 4 * 3) {
		printf("failed: more states than there is room for\n");
		exit(1);
	}
	table[at] = key;
	parent[queued] = (uint32_t)current;
	queue[queued++] = key - 1;
}

static void factory(uint8_t a, uint8_t b)
{
	struct model model = {.lost = true, .content = {a, b}};

	ota_bootrec_init(&model.rec);
	current = queued;
	reach(&model);
}

static void reach_boots(const struct model *model)
{
	for (unsigned unreadable = 0; unreadable < 4; unreadable++) {
		for (unsigned record = 0; record < 3; record++) {
			struct model device = *model;
			struct model_start start = {
				.unreadable = unreadable, .unwritable = record == 1, .unread = record == 2};

			if (!model_boot(&device, &start))
				continue;
			reach(&device);
			/* Keys know the rung, not the start on it: this may be the last one there. */
			device.rec.starts = (uint8_t)(device.rec.starts + 2);
			reach(&device);
		}
	}
}

static void reach_event(const struct model *model, bool (*event)(struct model *))
{
	struct model device = *model;

	if (event(&device))
		reach(&device);
}

static void reach_numbered(const struct model *model, bool (*event)(struct model *, unsigned), unsigned number)
{
	struct model device = *model;

	if (event(&device, number))
		reach(&device);
}

static void reach_all(const struct model *model)
{
	static bool (*const events[])(struct model *) = {model_reset, model_lose, model_confirm, model_mark,
		model_raise, model_clear, model_deadline, model_unmark, model_scribble, model_write, model_ready,
		model_arm};

	if (!model->on)
		reach_boots(model);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		reach_event(model, events[i]);
	for (unsigned slot = 0; slot < 2; slot++)
		reach_numbered(model, model_rot, slot);
	for (unsigned symbol = 1; symbol <= MODEL_IMAGES; symbol++) {
		reach_numbered(model, model_install, symbol);
		reach_numbered(model, model_forget, symbol);
	}
}

/* What holds of a device that was never forged: the floor never shuts out the image that is confirmed and there. */
static void check_reached(const struct model *model)
{
	const struct ota_bootrec *rec = &model->rec;

	if (rec->active == OTA_SLOT_NONE || model->lost || rec->slot[rec->active].state != OTA_SLOT_CONFIRMED ||
		rec->slot[rec->active].image.digest[0] != model->content[rec->active])
		return;
	model_expect(model_image(model->content[rec->active]).counter >= rec->min_counter,
		"the floor is not above the active image", model);
	model_expect(!ota_bootrec_has_failed(rec, model_image(model->content[rec->active]).digest),
		"the active image is not in the failed list", model);
}

/* From the factory to the first state that fails; the names of images 2 and 3 may change on the way. */
static void way_print(size_t at)
{
	struct model model;

	if (parent[at] != at)
		way_print(parent[at]);
	model_unpack(queue[at], &model);
	model_print(&model);
}

static void every_reachable_state(void)
{
	unsigned long long failed_before;

	table = calloc((size_t)1 << TABLE_BITS, sizeof(*table));
	queue = malloc(((size_t)1 << TABLE_BITS) * sizeof(*queue));
	parent = calloc((size_t)1 << TABLE_BITS, sizeof(*parent));
	if (!table || !queue || !parent) {
		printf("failed: no memory\n");
		exit(1);
	}
	failed_before = model_failed;
	factory(1, 0);
	factory(0, 1);
	factory(1, 2);
	factory(2, 1);
	factory(1, 1);
	for (current = 0; current < queued; current++) {
		struct model model;

		model_unpack(queue[current], &model);
		states++;
		check_reached(&model);
		reach_all(&model);
		check_way_out(&model);
		if (model_failed > failed_before) {
			printf("the way there:\n");
			way_print(current);
			break;
		}
	}
	free(table);
	free(queue);
	free(parent);
}

int main(void)
{
	every_count_of_starts();
	every_record();
	printf("every record: %llu states, %llu transitions, %llu hopeless\n", states, transitions, hopeless);
	every_reachable_state();
	printf("states: %llu, transitions: %llu, failed: %llu; reachable: %zu, hopeless (nothing that verifies, or all "
	       "too old): %llu\n",
		states, transitions, model_failed, queued, hopeless);
	return model_failed ? 1 : 0;
}
