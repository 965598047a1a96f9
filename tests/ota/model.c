/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdio.h>
#include <string.h>

#define UNKNOWN_STATE 6 /* packed; 77 in the record: a number of a newer format */
#define LADDER        12
#define RUNG          3

unsigned long long model_failed;

/* ---- Symbols and keys ---- */

struct ota_image model_image(unsigned symbol)
{
	static const uint32_t counters[MODEL_IMAGES + 1] = {0, 1, 2, 2};
	struct ota_image image = {.bytes = 4096, .counter = counters[symbol]};

	memset(image.digest, (int)symbol, sizeof(image.digest));
	return image;
}

static unsigned symbol_of(const uint8_t *digest)
{
	return digest[0];
}

static void put(uint64_t *key, uint64_t value, unsigned bits)
{
	*key = *key << bits | value;
}

static unsigned take(uint64_t *key, unsigned bits)
{
	unsigned value = (unsigned)(*key & ((1u << bits) - 1));

	*key >>= bits;
	return value;
}

static void slot_pack(uint64_t *key, const struct ota_bootrec_slot *slot)
{
	unsigned state = slot->state > OTA_SLOT_BAD ? UNKNOWN_STATE : slot->state;

	put(key, state == OTA_SLOT_EMPTY ? 0 : symbol_of(slot->image.digest), 2);
	put(key, state == OTA_SLOT_TRIAL ? slot->tries_left : 0, 2);
	put(key, state, 3);
}

static void slot_unpack(uint64_t *key, struct ota_bootrec_slot *slot)
{
	unsigned state = take(key, 3);

	slot->state = (uint8_t)(state == UNKNOWN_STATE ? 77 : state);
	slot->tries_left = (uint8_t)take(key, 2);
	slot->image = model_image(take(key, 2));
}

static uint64_t pack(const struct model *model)
{
	const struct ota_bootrec *rec = &model->rec;
	uint64_t key = 0;

	for (unsigned i = 1; i <= MODEL_IMAGES; i++)
		put(&key, ota_bootrec_has_failed(rec, model_image(i).digest), 1);
	slot_pack(&key, &rec->slot[1]);
	slot_pack(&key, &rec->slot[0]);
	put(&key, rec->min_counter, 2);
	put(&key, rec->starts % LADDER / RUNG, 2);
	put(&key, rec->active == OTA_SLOT_NONE ? 2 : rec->active, 2);
	for (unsigned i = 0; i < 2; i++) {
		put(&key, model->mark[i], 2);
		put(&key, model->content[i], 2);
	}
	put(&key, model->newest_mark, 1);
	put(&key, model->on ? model->mode : 0, 2);
	put(&key, model->on ? model->slot : 0, 1);
	put(&key, model->on, 1);
	put(&key, model->lost, 1);
	return key;
}

static void symbol_swap(uint8_t *symbol)
{
	if (*symbol >= 2)
		*symbol ^= 1;
}

/* Images 2 and 3 differ in nothing that a rule looks at: of two devices that differ in their names alone, one is enough. */
static void twin(struct model *model)
{
	struct ota_bootrec *rec = &model->rec;

	for (unsigned i = 0; i < 2; i++) {
		symbol_swap(&model->content[i]);
		symbol_swap(&model->mark[i]);
		for (size_t at = 0; at < OTA_BOOTREC_DIGEST_BYTES; at++)
			symbol_swap(&rec->slot[i].image.digest[at]);
	}
	for (unsigned i = 0; i < OTA_BOOTREC_FAILED; i++)
		for (size_t at = 0; at < OTA_BOOTREC_DIGEST_BYTES; at++)
			symbol_swap(&rec->failed[i].digest[at]);
}

uint64_t model_pack(const struct model *model)
{
	struct model other = *model;
	uint64_t key = pack(model), other_key;

	twin(&other);
	other_key = pack(&other);
	return key < other_key ? key : other_key;
}

void model_unpack(uint64_t key, struct model *model)
{
	struct ota_bootrec *rec = &model->rec;
	unsigned active, failed = 0;

	memset(model, 0, sizeof(*model));
	ota_bootrec_init(rec);
	model->lost = take(&key, 1);
	model->on = take(&key, 1);
	model->slot = (uint8_t)take(&key, 1);
	model->mode = (uint8_t)take(&key, 2);
	model->newest_mark = (uint8_t)take(&key, 1);
	for (unsigned i = 2; i-- > 0;) {
		model->content[i] = (uint8_t)take(&key, 2);
		model->mark[i] = (uint8_t)take(&key, 2);
	}
	active = take(&key, 2);
	rec->active = (uint8_t)(active == 2 ? OTA_SLOT_NONE : active);
	rec->starts = (uint8_t)(take(&key, 2) * RUNG);
	rec->min_counter = take(&key, 2);
	slot_unpack(&key, &rec->slot[0]);
	slot_unpack(&key, &rec->slot[1]);
	for (unsigned i = MODEL_IMAGES; i > 0; i--)
		if (take(&key, 1))
			memcpy(rec->failed[failed++].digest, model_image(i).digest, OTA_BOOTREC_DIGEST_BYTES);
}

void model_print(const struct model *model)
{
	const struct ota_bootrec *rec = &model->rec;

	printf("  record%s: active %u starts %u floor %u failed", model->lost ? " (lost)" : "", rec->active,
		rec->starts, rec->min_counter);
	for (unsigned i = 0; i < OTA_BOOTREC_FAILED; i++)
		printf(" %u", symbol_of(rec->failed[i].digest));
	for (unsigned i = 0; i < 2; i++)
		printf("; slot %c: %s of %u, tries %u, holds %u, mark %u%s", 'a' + i,
			ota_slot_state_name(rec->slot[i].state), symbol_of(rec->slot[i].image.digest),
			rec->slot[i].tries_left, model->content[i], model->mark[i],
			model->newest_mark == i ? " (newest)" : "");
	if (model->on)
		printf("; runs: slot %c, %s", 'a' + model->slot, ota_boot_mode_name(model->mode));
	printf("\n");
}

void model_expect(bool truth, const char *what, const struct model *model)
{
	if (truth)
		return;
	if (++model_failed > 10)
		return;
	printf("failed: %s\n", what);
	model_print(model);
}

/* ---- The start, and what must hold of every one ---- */

static bool holds(const struct model *model, const struct ota_bootrec *rec, unsigned slot)
{
	return model->content[slot] && symbol_of(rec->slot[slot].image.digest) == model->content[slot];
}

static bool has_failed(const struct ota_bootrec *rec, unsigned symbol)
{
	return ota_bootrec_has_failed(rec, model_image(symbol).digest);
}

static bool may_ever_start(
	const struct model *model, const struct ota_bootrec *rec, unsigned slot, const struct model_start *how)
{
	return model->content[slot] && !(how->unreadable >> slot & 1) &&
	       model_image(model->content[slot]).counter >= rec->min_counter;
}

static bool is_eligible(
	const struct model *model, const struct ota_bootrec *rec, unsigned slot, const struct model_start *how)
{
	uint8_t state = rec->slot[slot].state;

	return (state == OTA_SLOT_CONFIRMED || state == OTA_SLOT_READY) && holds(model, rec, slot) &&
	       may_ever_start(model, rec, slot, how) && !has_failed(rec, model->content[slot]);
}

static bool is_trial(
	const struct model *model, const struct ota_bootrec *rec, unsigned slot, const struct model_start *how)
{
	const struct ota_bootrec_slot *entry = &rec->slot[slot];

	return entry->state == OTA_SLOT_TRIAL && entry->tries_left > 0 && holds(model, rec, slot) &&
	       may_ever_start(model, rec, slot, how) && !has_failed(rec, model->content[slot]);
}

/* SPEC §2, written again: 1 s before the fourth start in a row, doubled each time, never more than a minute. */
static uint32_t pause_due(unsigned starts)
{
	uint32_t ms = 1000;

	if (starts < 3)
		return 0;
	while (--starts >= 3 && ms < 60000)
		ms *= 2;
	return ms < 60000 ? ms : 60000;
}

/* What is eligible was never confirmed, and one that failed has its turn in safe mode. */
static bool is_turn_of_failed(const struct model *model, const struct ota_bootrec *rec, const struct model_start *start)
{
	for (unsigned slot = 0; slot < 2; slot++)
		if (is_eligible(model, rec, slot, start) && rec->slot[slot].state == OTA_SLOT_CONFIRMED)
			return false;
	return rec->starts % LADDER / RUNG >= 2 && start->plan.mode == OTA_MODE_SAFE &&
	       has_failed(rec, model->content[start->plan.slot]);
}

static void check_ladder(const struct model *model, const struct ota_bootrec *rec, const struct model_start *start)
{
	unsigned active = rec->active == OTA_SLOT_B, rung = rec->starts % LADDER / RUNG;
	const struct ota_boot_plan *plan = &start->plan;
	bool both = is_eligible(model, rec, 0, start) && is_eligible(model, rec, 1, start);
	bool one = is_eligible(model, rec, 0, start) || is_eligible(model, rec, 1, start);

	model_expect(plan->pause_ms == pause_due(rec->starts), "the pause is the ladder's", model);
	if (is_turn_of_failed(model, rec, start))
		return;
	if (one)
		model_expect(is_eligible(model, rec, plan->slot, start),
			"a slot that is not eligible starts only if no other is", model);
	if (one)
		model_expect(
			(plan->mode == OTA_MODE_SAFE) == (rung % 2 == 1), "three starts normal, three safe", model);
	if (both)
		model_expect(plan->slot == (rung < 2 ? active : 1 - active), "the ladder's slot", model);
}

/* `rec` is what the decision was made from. */
static void check_plan(const struct model *model, const struct ota_bootrec *rec, const struct model_start *start)
{
	const struct ota_boot_plan *plan = &start->plan;
	unsigned slot = plan->slot;

	if (plan->step == OTA_BOOT_NOTHING) {
		model_expect(!may_ever_start(model, rec, 0, start) && !may_ever_start(model, rec, 1, start),
			"nothing starts only if nothing verifies", model);
		return;
	}
	model_expect(model->content[slot] && !(start->unreadable >> slot & 1), "only a verified image starts", model);
	model_expect(
		model_image(model->content[slot]).counter >= rec->min_counter, "none below the floor starts", model);
	model_expect(plan->mode == OTA_MODE_SAFE || !has_failed(rec, model->content[slot]),
		"one that failed starts in safe mode alone", model);
	if (plan->mode == OTA_MODE_TRIAL)
		model_expect(is_trial(model, rec, slot, start) && plan->pause_ms == 0,
			"a trial is one, with a try left", model);
	else
		check_ladder(model, rec, start);
	if (!start->unwritable && (is_trial(model, rec, 0, start) || is_trial(model, rec, 1, start)))
		model_expect(plan->mode == OTA_MODE_TRIAL, "a trial comes first", model);
}

/* `before` is the record after begin(). */
static void check_noted(const struct model *model, const struct ota_bootrec *before, const struct ota_bootrec *after,
	const struct model_start *start)
{
	unsigned slot = start->plan.slot, trial = start->plan.mode == OTA_MODE_TRIAL;
	unsigned starts = before->starts == 255 ? 244 : before->starts + 1u;

	model_expect(after->starts == starts && after->boots == before->boots + 1, "the start is counted", model);
	model_expect(after->last_slot == slot && after->last_mode == start->plan.mode, "what started is noted", model);
	model_expect(after->min_counter == before->min_counter && after->active == before->active,
		"a start changes neither floor nor active slot", model);
	model_expect(holds(model, after, slot), "the record says what runs", model);
	if (trial)
		model_expect(
			after->slot[slot].tries_left + 1 == before->slot[slot].tries_left, "the try is taken", model);
	for (unsigned i = 0; i < 2; i++) {
		if (before->slot[i].state == OTA_SLOT_CONFIRMED && holds(model, before, i))
			model_expect(after->slot[i].state == OTA_SLOT_CONFIRMED && holds(model, after, i),
				"a confirmed image stays confirmed", model);
		model_expect(after->slot[i].state != OTA_SLOT_TRIAL ||
				     after->slot[i].tries_left <= before->slot[i].tries_left,
			"tries only go down", model);
	}
}

static void check_begun(const struct model *model, const struct ota_bootrec *before, const struct ota_bootrec *after)
{
	for (unsigned i = 0; i < 2; i++) {
		bool over = before->slot[i].state == OTA_SLOT_TRIAL && before->slot[i].tries_left == 0;

		model_expect((after->slot[i].state == before->slot[i].state) != over, "only a trial without tries ends",
			model);
		if (over)
			model_expect(after->slot[i].state == OTA_SLOT_BAD && after->starts == 0 &&
					     has_failed(after, symbol_of(before->slot[i].image.digest)) ==
						     (symbol_of(before->slot[i].image.digest) != 0),
				"it is bad, listed, and its starts are its own", model);
	}
	for (unsigned i = 1; i <= MODEL_IMAGES; i++)
		model_expect(!has_failed(before, i) || has_failed(after, i), "no failure is forgotten", model);
}

static struct ota_slot_seen look(const struct model *model, unsigned slot, unsigned unreadable)
{
	struct ota_slot_seen seen = {.view = OTA_VIEW_REFUSED, .cause = OTA_CAUSE_SIGNATURE_REFUSED};

	if (unreadable >> slot & 1) {
		seen.cause = OTA_CAUSE_SLOT_UNREADABLE;
		return seen;
	}
	if (!model->content[slot])
		return seen;
	seen.view = OTA_VIEW_VERIFIED;
	seen.image = model_image(model->content[slot]);
	seen.has_mark = model->mark[slot] != 0;
	if (seen.has_mark) {
		seen.mark.seq = model->newest_mark == slot ? 2 : 1;
		seen.mark.counter = model_image(model->mark[slot]).counter;
		memcpy(seen.mark.digest, model_image(model->mark[slot]).digest, sizeof(seen.mark.digest));
	}
	return seen;
}

static void check_recovered(const struct model *model, const struct ota_bootrec *rec, unsigned unreadable)
{
	for (unsigned i = 0; i < 2; i++)
		if (model->content[i] && model->mark[i] == model->content[i] && !(unreadable >> i & 1))
			model_expect(rec->min_counter >= model_image(model->content[i]).counter,
				"the floor is back with the mark", model);
}

bool model_boot(struct model *model, struct model_start *start)
{
	struct ota_slot_seen seen[2] = {{0}};
	struct ota_bootrec rec = model->rec, before;
	unsigned examined = 0;

	if (model->on)
		return false;
	if (model->lost || start->unread) {
		for (unsigned i = 0; i < 2; i++)
			seen[i] = look(model, i, start->unreadable);
		ota_bootrec_recover(&rec, seen);
		check_recovered(model, &rec, start->unreadable);
	}
	before = rec;
	ota_bootrec_begin(&rec, start->reset);
	check_begun(model, &before, &rec);
	for (;;) {
		start->plan = ota_bootrec_plan(&rec, seen);
		if (start->plan.step == OTA_BOOT_EXAMINE) {
			model_expect(examined++ < 2, "a slot is looked at once", model);
			seen[start->plan.slot] = look(model, start->plan.slot, start->unreadable);
			continue;
		}
		check_plan(model, &rec, start);
		if (start->plan.step == OTA_BOOT_NOTHING || start->unreadable >> start->plan.slot & 1)
			return false;
		if (!start->unwritable || start->plan.mode != OTA_MODE_TRIAL)
			break;
		seen[start->plan.slot].view = OTA_VIEW_REFUSED;
		seen[start->plan.slot].cause = OTA_CAUSE_RECORD_UNWRITABLE;
		start->unreadable |= 1u << start->plan.slot;
	}
	before = rec;
	ota_bootrec_start(&rec, seen, &start->plan);
	check_noted(model, &before, &rec, start);
	model->on = true;
	model->slot = start->plan.slot;
	model->mode = start->plan.mode;
	if (start->unread)
		model_expect(model->mode != OTA_MODE_TRIAL, "no trial without its record", model);
	if (!start->unwritable && !start->unread) {
		model->rec = rec;
		model->lost = false;
	}
	return true;
}

/* ---- What else can happen ---- */

bool model_reset(struct model *model)
{
	bool was_on = model->on;

	model->on = false;
	return was_on;
}

bool model_lose(struct model *model)
{
	if (model->on || model->lost)
		return false;
	ota_bootrec_init(&model->rec);
	model->lost = true;
	return true;
}

bool model_rot(struct model *model, unsigned slot)
{
	if (model->on || !model->content[slot])
		return false;
	model->content[slot] = 0;
	return true;
}

/*
 * The agent found a record: a start that could not be committed leaves none, and that is record.c's matter. And the record has nothing
 * against what runs: an image below the floor, started without the record, does no more than reset.
 */
bool model_agent_runs(const struct model *model)
{
	return model->on && !model->lost && model_image(model->content[model->slot]).counter >= model->rec.min_counter;
}

static bool running_holds(const struct model *model)
{
	return holds(model, &model->rec, model->slot) && model->rec.slot[model->slot].state != OTA_SLOT_EMPTY;
}

static uint8_t running_state(const struct model *model)
{
	return running_holds(model) ? model->rec.slot[model->slot].state : OTA_SLOT_EMPTY;
}

static bool running_is_active(const struct model *model)
{
	return model->rec.active == model->slot && running_state(model) == OTA_SLOT_CONFIRMED;
}

bool model_confirm(struct model *model)
{
	struct ota_image image = model_image(model->content[model->slot]);
	uint8_t state = running_state(model);

	if (!model_agent_runs(model) || state == OTA_SLOT_BAD || running_is_active(model))
		return false;
	if (state != OTA_SLOT_TRIAL && model->mode == OTA_MODE_SAFE)
		return false;
	ota_bootrec_confirm(&model->rec, (enum ota_slot)model->slot, &image);
	model_expect(running_is_active(model) && model->rec.starts == 0, "confirmed and active", model);
	return true;
}

bool model_mark(struct model *model)
{
	struct ota_confirm_mark mark;

	if (!model_agent_runs(model) || !running_is_active(model) || model->mode == OTA_MODE_SAFE)
		return false;
	if (ota_bootrec_mark(&model->rec, (enum ota_slot)model->slot, &mark) != 0) {
		model_expect(false, "a confirmed image has a mark", model);
		return false;
	}
	model_expect(symbol_of(mark.digest) == model->content[model->slot], "the mark names what runs", model);
	model->mark[model->slot] = model->content[model->slot];
	model->newest_mark = model->slot;
	return true;
}

bool model_raise(struct model *model)
{
	if (!model_agent_runs(model) || !running_is_active(model) || model->mode == OTA_MODE_SAFE ||
		!ota_bootrec_raise_counter(&model->rec))
		return false;
	model_expect(model->rec.min_counter == model_image(model->content[model->slot]).counter,
		"the floor is the running image's counter", model);
	return true;
}

bool model_clear(struct model *model)
{
	uint8_t state = running_state(model);

	if (!model_agent_runs(model) || state == OTA_SLOT_TRIAL)
		return false;
	if (model->mode != OTA_MODE_SAFE && state != OTA_SLOT_CONFIRMED && state != OTA_SLOT_BAD)
		return false;
	return ota_bootrec_clear_starts(&model->rec);
}

bool model_deadline(struct model *model)
{
	if (!model_agent_runs(model) || running_state(model) != OTA_SLOT_TRIAL)
		return false;
	model_expect(ota_bootrec_mark_bad(&model->rec, (enum ota_slot)model->slot, OTA_CAUSE_HEALTH_TIMEOUT) == 0,
		"a trial can be given up", model);
	model_expect(has_failed(&model->rec, model->content[model->slot]), "its image is listed", model);
	model->on = false;
	return true;
}

bool model_install(struct model *model, unsigned symbol)
{
	struct ota_image image = model_image(symbol);
	struct ota_image running = model_image(model->content[model->slot]);
	enum ota_slot other = model->slot == OTA_SLOT_A ? OTA_SLOT_B : OTA_SLOT_A;

	if (!model_agent_runs(model) || running_state(model) == OTA_SLOT_TRIAL ||
		symbol == model->content[model->slot] || has_failed(&model->rec, symbol) ||
		image.counter < model->rec.min_counter)
		return false;
	if (model->rec.active == other && running_state(model) == OTA_SLOT_CONFIRMED)
		ota_bootrec_confirm(&model->rec, (enum ota_slot)model->slot, &running);
	ota_bootrec_writing(&model->rec, other, &image);
	return true;
}

/* An image on trial leaves the other slot alone. */
static bool other_is(const struct model *model, enum ota_slot_state state)
{
	return model_agent_runs(model) && running_state(model) != OTA_SLOT_TRIAL &&
	       model->rec.slot[1 - model->slot].state == state;
}

bool model_unmark(struct model *model)
{
	if (!other_is(model, OTA_SLOT_WRITING) || !model->mark[1 - model->slot])
		return false;
	model->mark[1 - model->slot] = 0;
	return true;
}

bool model_scribble(struct model *model)
{
	if (!other_is(model, OTA_SLOT_WRITING) || model->mark[1 - model->slot] || !model->content[1 - model->slot])
		return false;
	model->content[1 - model->slot] = 0;
	return true;
}

bool model_write(struct model *model)
{
	unsigned other = 1u - model->slot;

	if (!other_is(model, OTA_SLOT_WRITING) || model->mark[other] || holds(model, &model->rec, other))
		return false;
	model->content[other] = (uint8_t)symbol_of(model->rec.slot[other].image.digest);
	return true;
}

bool model_ready(struct model *model)
{
	enum ota_slot other = model->slot == OTA_SLOT_A ? OTA_SLOT_B : OTA_SLOT_A;

	if (!other_is(model, OTA_SLOT_WRITING) || model->mark[other] || !holds(model, &model->rec, other))
		return false;
	model_expect(ota_bootrec_ready(&model->rec, other) == 0, "what was written becomes ready", model);
	return true;
}

bool model_arm(struct model *model)
{
	enum ota_slot other = model->slot == OTA_SLOT_A ? OTA_SLOT_B : OTA_SLOT_A;
	struct ota_bootrec before = model->rec;

	/* The core takes no job for the image that runs. */
	if (!other_is(model, OTA_SLOT_READY) || !holds(model, &model->rec, other) ||
		model->content[other] == model->content[model->slot] || ota_bootrec_arm_trial(&model->rec, other) != 0)
		return false;
	model_expect(before.active != other && !has_failed(&before, model->content[other]) &&
			     model_image(model->content[other]).counter >= before.min_counter,
		"neither the active, nor a failed, nor too old an image is armed", model);
	return true;
}

bool model_forget(struct model *model, unsigned symbol)
{
	return model_agent_runs(model) && ota_bootrec_forget_failed(&model->rec, model_image(symbol).digest);
}

/* ---- Each call of the agent's on any record ---- */

static void check_result(
	const struct model *model, int error, bool allowed, const struct ota_bootrec *after, const char *what)
{
	model_expect((error == 0) == allowed, what, model);
	if (error != 0)
		model_expect(memcmp(after, &model->rec, sizeof(*after)) == 0, "a refused call changes nothing", model);
}

static void check_arm(const struct model *model, unsigned slot)
{
	const struct ota_bootrec *rec = &model->rec;
	const struct ota_bootrec_slot *entry = &rec->slot[slot];
	struct ota_bootrec after = *rec;
	int error = ota_bootrec_arm_trial(&after, (enum ota_slot)slot);
	bool allowed = (entry->state == OTA_SLOT_READY || entry->state == OTA_SLOT_CONFIRMED) && rec->active != slot &&
		       rec->slot[1 - slot].state != OTA_SLOT_TRIAL && entry->image.counter >= rec->min_counter &&
		       !has_failed(rec, symbol_of(entry->image.digest));

	check_result(model, error, allowed, &after, "what may be armed");
	if (error == 0)
		model_expect(
			after.slot[slot].state == OTA_SLOT_TRIAL && after.slot[slot].tries_left == OTA_BOOTREC_TRIES,
			"armed with its tries", model);
}

static void check_give_up(const struct model *model, unsigned slot)
{
	const struct ota_bootrec_slot *entry = &model->rec.slot[slot];
	struct ota_bootrec after = model->rec;
	int error = ota_bootrec_mark_bad(&after, (enum ota_slot)slot, OTA_CAUSE_HEALTH_TIMEOUT);

	check_result(model, error, entry->state != OTA_SLOT_EMPTY && entry->state != OTA_SLOT_CONFIRMED, &after,
		"what may be given up");
	if (error == 0)
		model_expect(
			after.slot[slot].state == OTA_SLOT_BAD && has_failed(&after, symbol_of(entry->image.digest)),
			"given up: bad and listed", model);
}

static void check_confirm(const struct model *model, unsigned slot)
{
	struct ota_bootrec after = model->rec;
	struct ota_image image = model_image(model->content[slot]);

	if (!model->content[slot])
		return;
	ota_bootrec_confirm(&after, (enum ota_slot)slot, &image);
	model_expect(after.active == slot && after.slot[slot].state == OTA_SLOT_CONFIRMED && after.starts == 0 &&
			     holds(model, &after, slot) && !has_failed(&after, model->content[slot]),
		"confirmed: active, not in the failed list, at the foot of the ladder", model);
	model_expect(after.min_counter == model->rec.min_counter, "a confirm leaves the floor alone", model);
}

static void check_write(const struct model *model, unsigned slot)
{
	struct ota_bootrec after = model->rec;
	struct ota_image image = model_image(1);
	int error = ota_bootrec_ready(&after, (enum ota_slot)slot);

	check_result(model, error, model->rec.slot[slot].state == OTA_SLOT_WRITING, &after, "what may become ready");
	ota_bootrec_writing(&after, (enum ota_slot)slot, &image);
	model_expect(after.slot[slot].state == OTA_SLOT_WRITING && after.active != slot, "written: not active", model);
	model_expect(memcmp(&after.slot[1 - slot], &model->rec.slot[1 - slot], sizeof(after.slot[0])) == 0,
		"written: the other slot is left alone", model);
}

static void check_raise(const struct model *model)
{
	const struct ota_bootrec *rec = &model->rec;
	struct ota_bootrec after = *rec;
	bool raised = ota_bootrec_raise_counter(&after), may = rec->active < OTA_BOOTREC_SLOTS;

	may = may && rec->slot[rec->active].state == OTA_SLOT_CONFIRMED &&
	      rec->slot[rec->active].image.counter > rec->min_counter;
	model_expect(raised == may, "the floor is raised for a confirmed, active image alone", model);
	model_expect(after.min_counter == (raised ? rec->slot[rec->active].image.counter : rec->min_counter),
		"the floor is never above the image that raised it, nor lowered", model);
}

void model_check_agent(const struct model *model)
{
	for (unsigned slot = 0; slot < OTA_BOOTREC_SLOTS; slot++) {
		check_arm(model, slot);
		check_give_up(model, slot);
		check_confirm(model, slot);
		check_write(model, slot);
	}
	check_raise(model);
}
