/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The rules of the boot record (SPEC §2): pure functions, no storage. Bytes and copies: bootrec_store.c. */
#include <string.h>

#include "ota/bootrec.h"

/*
 * The ladder of a confirmed image that keeps dying: three starts normal, three safe, then the same in the other
 * slot.
 */
#define LADDER_STEP  3
#define LADDER_ROUND 12
#define PAUSE_MAX_MS 60000

#define SAFE_STAY_MS     (10 * 60 * 1000)
#define SAFE_STAY_MAX_MS (6 * 60 * 60 * 1000)

static bool digests_equal(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, OTA_BOOTREC_DIGEST_BYTES) == 0;
}

static bool digest_is_zero(const uint8_t *digest)
{
	uint8_t any = 0;

	for (size_t i = 0; i < OTA_BOOTREC_DIGEST_BYTES; i++)
		any |= digest[i];
	return any == 0;
}

/* ---- The failed list ---- */

static struct ota_bootrec_failed *failed_find(struct ota_bootrec *rec, const uint8_t *digest)
{
	if (digest_is_zero(digest))
		return NULL;
	for (size_t i = 0; i < OTA_BOOTREC_FAILED; i++)
		if (digests_equal(rec->failed[i].digest, digest))
			return &rec->failed[i];
	return NULL;
}

bool ota_bootrec_has_failed(const struct ota_bootrec *rec, const uint8_t digest[OTA_BOOTREC_DIGEST_BYTES])
{
	bool failed = false;

	for (size_t i = 0; i < OTA_BOOTREC_FAILED; i++)
		failed |= digests_equal(rec->failed[i].digest, digest);
	return failed && !digest_is_zero(digest);
}

bool ota_bootrec_forget_failed(struct ota_bootrec *rec, const uint8_t digest[OTA_BOOTREC_DIGEST_BYTES])
{
	struct ota_bootrec_failed *entry = failed_find(rec, digest);
	struct ota_bootrec_failed *last = &rec->failed[OTA_BOOTREC_FAILED - 1];

	if (!entry)
		return false;
	for (; entry < last; entry++)
		*entry = entry[1];
	memset(last, 0, sizeof(*last));
	return true;
}

static void failed_add(struct ota_bootrec *rec, const uint8_t *digest, uint8_t cause)
{
	(void)ota_bootrec_forget_failed(rec, digest);
	for (size_t i = OTA_BOOTREC_FAILED - 1; i > 0; i--)
		rec->failed[i] = rec->failed[i - 1];
	memcpy(rec->failed[0].digest, digest, OTA_BOOTREC_DIGEST_BYTES);
	rec->failed[0].cause = cause;
}

static void slot_fail(struct ota_bootrec *rec, struct ota_bootrec_slot *slot, enum ota_cause cause)
{
	slot->state = OTA_SLOT_BAD;
	slot->tries_left = 0;
	slot->cause = (uint8_t)cause;
	rec->last_cause = (uint8_t)cause;
	failed_add(rec, slot->image.digest, (uint8_t)cause);
}

/* ---- Start of the machine ---- */

/*
 * How much of the rules a slot's content must meet: the first choice, the last resort, and the very last one in
 * safe mode.
 */
enum strictness { BY_STATE, BY_CONTENT, BY_SIGNATURE };

/* OTA_CAUSE_NONE: the examined slot may be started. */
static enum ota_cause slot_judge(
	const struct ota_bootrec *rec, const struct ota_slot_seen *seen, unsigned slot, enum strictness strictness)
{
	const struct ota_image *image = &seen[slot].image;

	if (seen[slot].view != OTA_VIEW_VERIFIED)
		return seen[slot].cause == OTA_CAUSE_NONE ? OTA_CAUSE_IMAGE_MALFORMED : seen[slot].cause;
	if (image->counter < rec->min_counter)
		return OTA_CAUSE_COUNTER_TOO_LOW;
	if (strictness != BY_SIGNATURE && ota_bootrec_has_failed(rec, image->digest))
		return OTA_CAUSE_FAILED_BEFORE;
	if (strictness == BY_STATE && !digests_equal(image->digest, rec->slot[slot].image.digest))
		return OTA_CAUSE_DIGEST_MISMATCH;
	return OTA_CAUSE_NONE;
}

/* True: `plan` says what to do with `slot`, start it or look at it first. False: it is out. */
static bool slot_plan(const struct ota_bootrec *rec, const struct ota_slot_seen *seen, enum strictness strictness,
	struct ota_boot_plan *plan)
{
	if (seen[plan->slot].view == OTA_VIEW_UNSEEN) {
		plan->step = OTA_BOOT_EXAMINE;
		return true;
	}
	if (slot_judge(rec, seen, plan->slot, strictness) != OTA_CAUSE_NONE)
		return false;
	plan->step = OTA_BOOT_START;
	return true;
}

static bool state_is_startable(const struct ota_bootrec *rec, unsigned slot)
{
	return rec->slot[slot].state == OTA_SLOT_CONFIRMED || rec->slot[slot].state == OTA_SLOT_READY;
}

/* 1 s before the fourth start in a row, then doubling. */
static uint32_t pause_before_start(uint8_t starts)
{
	if (starts < LADDER_STEP)
		return 0;
	if (starts - LADDER_STEP >= 6)
		return PAUSE_MAX_MS;
	return (uint32_t)1000 << (starts - LADDER_STEP);
}

/*
 * What starts was never confirmed, so it may never have worked, and it keeps dying: in the second half of a round the other slot has its
 * turn, in safe mode, though its image failed before: its agent may work.
 */
static struct ota_boot_plan last_resort(const struct ota_bootrec *rec, const struct ota_slot_seen *seen,
	struct ota_boot_plan plan, enum strictness strictness)
{
	bool was_confirmed = strictness == BY_STATE && rec->slot[plan.slot].state == OTA_SLOT_CONFIRMED;
	struct ota_boot_plan other = plan;

	other.slot = (uint8_t)(1 - plan.slot);
	other.mode = OTA_MODE_SAFE;
	if (plan.step != OTA_BOOT_START || was_confirmed || strictness == BY_SIGNATURE ||
		rec->starts % LADDER_ROUND < 2 * LADDER_STEP || !slot_plan(rec, seen, BY_SIGNATURE, &other))
		return plan;
	if (other.step == OTA_BOOT_START && !ota_bootrec_has_failed(rec, seen[other.slot].image.digest))
		return plan;
	return other;
}

struct ota_boot_plan ota_bootrec_plan(const struct ota_bootrec *rec, const struct ota_slot_seen seen[OTA_BOOTREC_SLOTS])
{
	unsigned active = rec->active == OTA_SLOT_B ? OTA_SLOT_B : OTA_SLOT_A;
	unsigned rung = rec->starts % LADDER_ROUND;
	unsigned first = rung < 2 * LADDER_STEP ? active : 1 - active;
	struct ota_boot_plan plan = {.mode = OTA_MODE_TRIAL};

	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		plan.slot = (uint8_t)(i == 0 ? 1 - active : active);
		if (rec->slot[plan.slot].state == OTA_SLOT_TRIAL && rec->slot[plan.slot].tries_left > 0 &&
			slot_plan(rec, seen, BY_STATE, &plan))
			return plan;
	}
	plan.mode = rung % (2 * LADDER_STEP) < LADDER_STEP ? OTA_MODE_NORMAL : OTA_MODE_SAFE;
	plan.pause_ms = pause_before_start(rec->starts);
	for (enum strictness strictness = BY_STATE; strictness <= BY_SIGNATURE; strictness++) {
		if (strictness == BY_SIGNATURE)
			plan.mode = OTA_MODE_SAFE;
		for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
			plan.slot = (uint8_t)(i == 0 ? first : 1 - first);
			if ((strictness != BY_STATE || state_is_startable(rec, plan.slot)) &&
				slot_plan(rec, seen, strictness, &plan))
				return last_resort(rec, seen, plan, strictness);
		}
	}
	return (struct ota_boot_plan){.step = OTA_BOOT_NOTHING};
}

void ota_bootrec_begin(struct ota_bootrec *rec, enum ota_cause reset_cause)
{
	struct ota_bootrec_slot *last = rec->last_slot < OTA_BOOTREC_SLOTS ? &rec->slot[rec->last_slot] : NULL;

	rec->reset_cause = (uint8_t)reset_cause;
	/* What a trial said about itself before it went down outranks the watchdog that then ended it. */
	if (last && reset_cause != OTA_CAUSE_NONE && (last->state != OTA_SLOT_TRIAL || last->cause == OTA_CAUSE_NONE)) {
		last->cause = (uint8_t)reset_cause;
		rec->last_cause = (uint8_t)reset_cause;
	}
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		struct ota_bootrec_slot *slot = &rec->slot[i];

		if (slot->state != OTA_SLOT_TRIAL || slot->tries_left > 0)
			continue;
		slot_fail(rec, slot,
			slot->cause == OTA_CAUSE_NONE ? OTA_CAUSE_TRIES_EXHAUSTED : (enum ota_cause)slot->cause);
		/* These starts were the trial's; the confirmed image begins at the foot of the ladder. */
		rec->starts = 0;
	}
}

/* Why a slot that was looked at does not start now. Rot is no fault of the image: its digest may be installed again. */
static void note_refused(struct ota_bootrec *rec, const struct ota_slot_seen *seen, unsigned slot)
{
	struct ota_bootrec_slot *entry = &rec->slot[slot];
	enum ota_cause cause;

	if (seen[slot].view == OTA_VIEW_UNSEEN || (entry->state != OTA_SLOT_TRIAL && !state_is_startable(rec, slot)))
		return;
	cause = slot_judge(rec, seen, slot, BY_STATE);
	if (cause == OTA_CAUSE_NONE)
		return;
	entry->cause = (uint8_t)cause;
	rec->last_cause = (uint8_t)cause;
	if (entry->state == OTA_SLOT_TRIAL) {
		entry->state = OTA_SLOT_BAD;
		entry->tries_left = 0;
	}
}

/* A last resort was started: the entry must say what runs, or nobody can tell the image. */
static void adopt(struct ota_bootrec *rec, unsigned slot, const struct ota_image *image)
{
	struct ota_bootrec_slot *entry = &rec->slot[slot];
	bool same = digests_equal(entry->image.digest, image->digest);

	if (same && entry->state != OTA_SLOT_EMPTY && entry->state != OTA_SLOT_WRITING)
		return;
	entry->image = *image;
	entry->state = ota_bootrec_has_failed(rec, image->digest) ? OTA_SLOT_BAD : OTA_SLOT_READY;
	entry->tries_left = 0;
	entry->cause = OTA_CAUSE_NONE;
}

void ota_bootrec_start(
	struct ota_bootrec *rec, const struct ota_slot_seen seen[OTA_BOOTREC_SLOTS], const struct ota_boot_plan *plan)
{
	unsigned slot = plan->slot == OTA_SLOT_B ? OTA_SLOT_B : OTA_SLOT_A;

	note_refused(rec, seen, 1 - slot);
	note_refused(rec, seen, slot);
	adopt(rec, slot, &seen[slot].image);
	if (plan->mode == OTA_MODE_TRIAL)
		rec->slot[slot].tries_left--;
	rec->starts = (uint8_t)(rec->starts == 255 ? 255 - LADDER_ROUND + 1 : rec->starts + 1);
	rec->boots++;
	rec->last_slot = (uint8_t)slot;
	rec->last_mode = plan->mode;
}

/* ---- Both copies lost ---- */

static bool mark_belongs(const struct ota_slot_seen *seen)
{
	return seen->view == OTA_VIEW_VERIFIED && seen->has_mark &&
	       digests_equal(seen->mark.digest, seen->image.digest);
}

/* Does slot b come before slot a? Both may be started, or else the choice is clear. */
static bool second_comes_first(const struct ota_slot_seen *seen, const bool *may_start)
{
	bool marked[2] = {mark_belongs(&seen[0]), mark_belongs(&seen[1])};

	if (!may_start[0] || !may_start[1])
		return may_start[1];
	if (marked[0] != marked[1])
		return marked[1];
	if (marked[0])
		return seen[1].mark.seq > seen[0].mark.seq;
	return seen[1].image.counter > seen[0].image.counter;
}

static void recover_slot(struct ota_bootrec *rec, const struct ota_slot_seen *seen, unsigned slot)
{
	rec->slot[slot].image = seen[slot].image;
	rec->slot[slot].state = OTA_SLOT_CONFIRMED;
}

void ota_bootrec_recover(struct ota_bootrec *rec, const struct ota_slot_seen seen[OTA_BOOTREC_SLOTS])
{
	bool may_start[2];
	unsigned first;

	ota_bootrec_init(rec);
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		/* Later confirms must outrank every mark that is left, also one of another image. */
		if (seen[i].has_mark && seen[i].mark.seq > rec->seq)
			rec->seq = seen[i].mark.seq;
		/* The counter inside the signed image counts, not the mark's copy of it. */
		if (mark_belongs(&seen[i]) && seen[i].image.counter > rec->min_counter)
			rec->min_counter = seen[i].image.counter;
	}
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++)
		may_start[i] = seen[i].view == OTA_VIEW_VERIFIED && seen[i].image.counter >= rec->min_counter;
	if (!may_start[0] && !may_start[1])
		return;
	first = second_comes_first(seen, may_start) ? 1 : 0;
	rec->active = (uint8_t)first;
	recover_slot(rec, seen, first);
	/* An unmarked other image may be one that failed its trial: it stays unknown, a last resort. */
	if (mark_belongs(&seen[1 - first]))
		recover_slot(rec, seen, 1 - first);
}

/* ---- Update ---- */

void ota_bootrec_writing(struct ota_bootrec *rec, enum ota_slot slot, const struct ota_image *image)
{
	memset(&rec->slot[slot], 0, sizeof(rec->slot[slot]));
	rec->slot[slot].image = *image;
	rec->slot[slot].state = OTA_SLOT_WRITING;
	if (rec->active == slot)
		rec->active = OTA_SLOT_NONE;
}

int ota_bootrec_ready(struct ota_bootrec *rec, enum ota_slot slot)
{
	if (rec->slot[slot].state != OTA_SLOT_WRITING)
		return OTA_BOOTREC_STATE;
	rec->slot[slot].state = OTA_SLOT_READY;
	return 0;
}

int ota_bootrec_arm_trial(struct ota_bootrec *rec, enum ota_slot slot)
{
	struct ota_bootrec_slot *entry = &rec->slot[slot];

	if (!state_is_startable(rec, slot) || rec->active == slot || rec->slot[1 - slot].state == OTA_SLOT_TRIAL)
		return OTA_BOOTREC_STATE;
	if (entry->image.counter < rec->min_counter || ota_bootrec_has_failed(rec, entry->image.digest))
		return OTA_BOOTREC_STATE;
	entry->state = OTA_SLOT_TRIAL;
	entry->tries_left = OTA_BOOTREC_TRIES;
	entry->cause = OTA_CAUSE_NONE;
	rec->last_cause = OTA_CAUSE_NONE;
	return 0;
}

void ota_bootrec_confirm(struct ota_bootrec *rec, enum ota_slot slot, const struct ota_image *image)
{
	struct ota_bootrec_slot *entry = &rec->slot[slot];

	entry->image = *image;
	entry->state = OTA_SLOT_CONFIRMED;
	entry->tries_left = 0;
	entry->cause = OTA_CAUSE_NONE;
	rec->active = (uint8_t)slot;
	rec->starts = 0;
	rec->safe_resets = 0;
	rec->last_cause = OTA_CAUSE_NONE;
	(void)ota_bootrec_forget_failed(rec, image->digest);
}

int ota_bootrec_mark(const struct ota_bootrec *rec, enum ota_slot slot, struct ota_confirm_mark *mark)
{
	const struct ota_bootrec_slot *entry = &rec->slot[slot];

	if (entry->state != OTA_SLOT_CONFIRMED)
		return OTA_BOOTREC_STATE;
	mark->seq = rec->seq;
	memcpy(mark->digest, entry->image.digest, sizeof(mark->digest));
	mark->counter = entry->image.counter;
	return 0;
}

bool ota_bootrec_raise_counter(struct ota_bootrec *rec)
{
	const struct ota_bootrec_slot *entry;

	if (rec->active >= OTA_BOOTREC_SLOTS)
		return false;
	entry = &rec->slot[rec->active];
	if (entry->state != OTA_SLOT_CONFIRMED || entry->image.counter <= rec->min_counter)
		return false;
	rec->min_counter = entry->image.counter;
	return true;
}

bool ota_bootrec_clear_starts(struct ota_bootrec *rec)
{
	bool changed = rec->starts != 0;

	rec->starts = 0;
	if (rec->last_mode != OTA_MODE_SAFE) {
		changed |= rec->safe_resets != 0;
		rec->safe_resets = 0;
	}
	return changed;
}

uint32_t ota_bootrec_safe_stay_ms(const struct ota_bootrec *rec)
{
	uint32_t stay_ms = SAFE_STAY_MS;

	for (unsigned i = 0; i < rec->safe_resets && stay_ms < SAFE_STAY_MAX_MS; i++)
		stay_ms *= 2;
	return stay_ms < SAFE_STAY_MAX_MS ? stay_ms : SAFE_STAY_MAX_MS;
}

void ota_bootrec_leave_safe(struct ota_bootrec *rec)
{
	if (rec->safe_resets < UINT8_MAX)
		rec->safe_resets++;
}

int ota_bootrec_mark_bad(struct ota_bootrec *rec, enum ota_slot slot, enum ota_cause cause)
{
	uint8_t state = rec->slot[slot].state;

	if (state == OTA_SLOT_EMPTY || state == OTA_SLOT_CONFIRMED)
		return OTA_BOOTREC_STATE;
	slot_fail(rec, &rec->slot[slot], cause);
	if (state == OTA_SLOT_TRIAL)
		rec->starts = 0;
	return 0;
}

bool ota_bootrec_name_cause(
	struct ota_bootrec *rec, const uint8_t digest[OTA_BOOTREC_DIGEST_BYTES], enum ota_cause cause)
{
	struct ota_bootrec_failed *failed = failed_find(rec, digest);
	bool changed = false;

	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		struct ota_bootrec_slot *entry = &rec->slot[i];

		if (entry->state == OTA_SLOT_EMPTY || !digests_equal(entry->image.digest, digest))
			continue;
		changed |= entry->cause != (uint8_t)cause || rec->last_cause != (uint8_t)cause;
		entry->cause = (uint8_t)cause;
		rec->last_cause = (uint8_t)cause;
	}
	if (failed && failed->cause != (uint8_t)cause) {
		failed->cause = (uint8_t)cause;
		changed = true;
	}
	return changed;
}
