/* SPDX-License-Identifier: Apache-2.0 */
#include "invariants.h"

#include <string.h>

#include "ota/err.h"

enum { STARTS_NORMAL = 3 }; /* SPEC §2, the ladder */

static uint32_t slot_lba(unsigned slot)
{
	return slot == OTA_SLOT_A ? FAKE_SLOT_A : FAKE_SLOT_B;
}

static bool slot_has_mark(const struct world *world, unsigned slot, struct ota_confirm_mark *mark)
{
	return ota_confirm_mark_decode(world->host.flash.now[slot_lba(slot) + FAKE_SLOT_SECTORS - 1], mark) == 0;
}

static enum sim_image slot_image(const struct world *world, unsigned slot)
{
	const struct fake_image *image = fake_boot_slot_image(&world->host.boot, slot);

	return image ? sim_image_of(image->image.digest) : SIM_IMAGES;
}

bool record_of(const uint8_t (*sectors)[512], struct ota_bootrec *record)
{
	struct ota_bootrec copy;
	bool found = ota_bootrec_decode(sectors[FAKE_RECORD_0], record) == 0;

	if (ota_bootrec_decode(sectors[FAKE_RECORD_1], &copy) != 0)
		return found;
	if (!found || copy.seq > record->seq)
		*record = copy;
	return true;
}

static bool entry_is_active(const struct ota_bootrec *record)
{
	return record->active < OTA_BOOTREC_SLOTS && record->slot[record->active].state == OTA_SLOT_CONFIRMED;
}

static void monitor_see(struct monitor *monitor, const struct ota_bootrec *record)
{
	monitor->had_record = 1;
	if (record->min_counter > monitor->floor)
		monitor->floor = record->min_counter;
	if (entry_is_active(record)) {
		const struct ota_image *image = &record->slot[record->active].image;
		enum sim_image which = sim_image_of(image->digest);

		monitor->had_active = 1;
		if (image->counter > monitor->floor)
			monitor->floor = image->counter;
		if (which < SIM_IMAGES) {
			monitor->confirmed |= (uint8_t)(1u << which);
			monitor->trial_starts[which] = 0;
		}
	}
	for (unsigned i = 0; i < SIM_IMAGES; i++)
		if (ota_bootrec_has_failed(record, sim_image((enum sim_image)i)->image.digest))
			monitor->failed |= (uint8_t)(1u << i);
}

/* What a whole copy says of a slot is what the slot holds: whichever copy is lost, the other may be believed. */
static const char *copy_problem(const struct world *world, const struct ota_bootrec *record)
{
	struct ota_confirm_mark mark;

	for (unsigned slot = 0; slot < OTA_BOOTREC_SLOTS; slot++) {
		const struct ota_bootrec_slot *entry = &record->slot[slot];
		enum sim_image image = sim_image_of(entry->image.digest);

		if (entry->state != OTA_SLOT_READY && entry->state != OTA_SLOT_TRIAL &&
			entry->state != OTA_SLOT_CONFIRMED)
			continue;
		if (image >= SIM_IMAGES || slot_image(world, slot) != image)
			return "a copy of the record promises an image that its slot does not hold";
		if (entry->state == OTA_SLOT_TRIAL && ota_bootrec_has_failed(record, entry->image.digest))
			return "an image that failed is on trial";
		if (entry->state != OTA_SLOT_CONFIRMED && slot_has_mark(world, slot, &mark) &&
			memcmp(mark.digest, entry->image.digest, 32) != 0)
			return "an image was installed behind the confirm mark of another";
	}
	if (entry_is_active(record) && record->slot[record->active].image.counter < record->min_counter)
		return "the active image is below the floor";
	return NULL;
}

static const char *mark_problem(const struct world *world)
{
	struct ota_confirm_mark mark;

	for (unsigned slot = 0; slot < OTA_BOOTREC_SLOTS; slot++) {
		enum sim_image image = slot_image(world, slot);

		if (image == SIM_IMAGES || !slot_has_mark(world, slot, &mark))
			continue;
		if (memcmp(mark.digest, sim_image(image)->image.digest, 32) == 0 &&
			!(world->monitor.confirmed >> image & 1))
			return "an image that was never confirmed has a confirm mark";
	}
	return NULL;
}

const char *invariants_of_disk(struct world *world)
{
	const uint8_t(*sectors)[512] = (const uint8_t(*)[512])world->host.flash.now;
	static const uint32_t lba[2] = {FAKE_RECORD_0, FAKE_RECORD_1};
	const char *problem = NULL;
	struct ota_bootrec record;

	if (!record_of(sectors, &record))
		return world->monitor.had_record ? "both copies of the boot record are lost" : NULL;
	monitor_see(&world->monitor, &record);
	if (world->monitor.had_active && !entry_is_active(&record))
		return "no slot is active and confirmed any more";
	for (unsigned i = 0; i < 2 && !problem; i++)
		if (ota_bootrec_decode(sectors[lba[i]], &record) == 0)
			problem = copy_problem(world, &record);
	return problem ? problem : mark_problem(world);
}

static const char *trial_problem(struct world *world, const struct ota_bootrec *record, enum sim_image image)
{
	const struct ota_bootrec_slot *entry = &record->slot[world->host.running.slot];

	if (world->monitor.failed >> image & 1)
		return "a digest that failed is tried again";
	if (++world->monitor.trial_starts[image] > OTA_BOOTREC_TRIES)
		return "an image was tried more often than it has tries";
	if (entry->state != OTA_SLOT_TRIAL ||
		entry->tries_left + world->monitor.trial_starts[image] > OTA_BOOTREC_TRIES)
		return "a trial started before its try was taken on the flash";
	return NULL;
}

/* For one that failed, or where nothing was ever confirmed, after three starts that came to nothing. */
static bool safe_is_needed(const struct world *world, const struct ota_bootrec *record, enum sim_image image)
{
	return ota_bootrec_has_failed(record, sim_image(image)->image.digest) ||
	       (!world->monitor.had_active && record->starts > STARTS_NORMAL);
}

const char *invariants_of_start(struct world *world)
{
	struct fake_start *running = &world->host.running;
	struct ota_bootrec record;
	enum sim_image image;

	if (running->slot >= OTA_BOOTREC_SLOTS)
		return "nothing was started";
	image = slot_image(world, running->slot);
	if (image == SIM_IMAGES || image != sim_image_of(running->image.digest))
		return "what was started is not a whole, rightly signed image";
	if (running->image.counter < world->monitor.floor)
		return "an image below the confirmed security counter was started";
	if (!record_of((const uint8_t(*)[512])world->host.flash.durable, &record))
		return "the boot loader left no record";
	if (running->mode == OTA_MODE_SAFE && !safe_is_needed(world, &record, image))
		return "safe mode without need";
	if (running->mode == OTA_MODE_NORMAL && world->monitor.had_active && !(world->monitor.confirmed >> image & 1))
		return "an image that was never confirmed was started without trial";
	monitor_see(&world->monitor, &record);
	return running->mode == OTA_MODE_TRIAL ? trial_problem(world, &record, image) : NULL;
}

static const char *told_problem(const struct world *world)
{
	const struct monitor *monitor = &world->monitor;
	struct ota_bootrec record;

	if (!monitor->ended || monitor->outcome != OTA_SUCCEEDED)
		return NULL;
	if (memcmp(world->host.running.image.digest, sim_image(world->scenario->wanted)->image.digest, 32) != 0)
		return "success was told by another image than the new one";
	if (!record_of((const uint8_t(*)[512])world->host.flash.now, &record) || !entry_is_active(&record) ||
		record.active != world->host.running.slot)
		return "success was told before the confirm was durable";
	return NULL;
}

const char *invariants_of_life(struct world *world)
{
	if (world->host.flash.guard_hits)
		return "the running slot was written to";
	return told_problem(world);
}

static bool update_is_good(const struct scenario *scenario)
{
	return scenario->behaviour == IMAGE_WELL && !scenario->worn;
}

/*
 * Where nothing was ever confirmed, an image that is whole may have been started without trial. Then it runs on, for there is nothing to go
 * back to, and it is not listed.
 */
static bool is_last_resort(const struct world *world)
{
	return !world->monitor.had_active && !(world->monitor.failed >> world->scenario->wanted & 1);
}

static const char *failure_problem(const struct world *world)
{
	const struct monitor *monitor = &world->monitor;

	if (world->scenario->worn)
		return !monitor->rolled_back && monitor->error == -OTA_E_IO
			       ? NULL
			       : "a record that takes no write was told as something else";
	if (!monitor->rolled_back || monitor->cause == OTA_CAUSE_NONE)
		return "the roll-back was told without its cause";
	if (is_last_resort(world))
		return monitor->outcome_again == OTA_FAILED && monitor->cause_again != OTA_CAUSE_NONE
			       ? NULL
			       : "a last resort under another job was told as something else";
	if (monitor->outcome_again != OTA_REJECTED || monitor->error_again != -OTA_E_FAILED_BEFORE)
		return "the failed digest was taken again in another job";
	return NULL;
}

static const char *outcome_problem(const struct world *world)
{
	const struct monitor *monitor = &world->monitor;

	if (update_is_good(world->scenario))
		return monitor->outcome == OTA_SUCCEEDED ? NULL
							 : "the update did not succeed, and the server was told so";
	return monitor->outcome == OTA_FAILED ? failure_problem(world) : "the server was told the wrong outcome";
}

/*
 * How a device may rest: the slot that runs, the other one. README.md has the table with its reasons.
 */
static const char *rest_problem(const struct world *world, const struct ota_bootrec *record)
{
	static const struct {
		bool good;
		uint8_t mode, own, other;
	} rests[] = {
		{true, OTA_MODE_NORMAL, OTA_SLOT_CONFIRMED, OTA_SLOT_CONFIRMED},
		{true, OTA_MODE_NORMAL, OTA_SLOT_CONFIRMED, OTA_SLOT_BAD},
		{true, OTA_MODE_NORMAL, OTA_SLOT_CONFIRMED, OTA_SLOT_EMPTY},
		{false, OTA_MODE_NORMAL, OTA_SLOT_CONFIRMED, OTA_SLOT_BAD},
		{false, OTA_MODE_SAFE, OTA_SLOT_BAD, OTA_SLOT_BAD},
	};
	uint8_t own = record->slot[world->host.running.slot].state,
		other = record->slot[1 - world->host.running.slot].state;

	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++)
		if (rests[i].good == update_is_good(world->scenario) && rests[i].mode == world->host.running.mode &&
			rests[i].own == own && rests[i].other == other)
			return NULL;
	return "the device rests in a state that is not on the list";
}

static const char *copies_problem(const struct world *world)
{
	return memcmp(world->host.flash.now[FAKE_RECORD_0], world->host.flash.now[FAKE_RECORD_1], 512) != 0
		       ? "the copies of the record differ at rest"
		       : NULL;
}

static const char *record_problem(const struct world *world, const struct ota_bootrec *record)
{
	uint8_t slot = world->host.running.slot;
	struct ota_confirm_mark mark;

	if (copies_problem(world))
		return copies_problem(world);
	if (world->host.running.mode == OTA_MODE_SAFE)
		return NULL;
	if (record->active != slot || record->slot[slot].state != OTA_SLOT_CONFIRMED)
		return "what runs is not active and confirmed";
	if (record->min_counter != world->host.running.image.counter)
		return "the floor is not that of the confirmed image";
	if (record->starts != 0)
		return "the starts of a healthy image still count";
	if (!slot_has_mark(world, slot, &mark) || memcmp(mark.digest, world->host.running.image.digest, 32) != 0)
		return "what runs is confirmed without its mark";
	return NULL;
}

/* It runs, on trial by nobody, and the record says so. */
static const char *last_resort_problem(const struct world *world, const struct ota_bootrec *record)
{
	bool is_wanted = sim_image_of(world->host.running.image.digest) == world->scenario->wanted;

	if (is_wanted && record->slot[world->host.running.slot].state != OTA_SLOT_READY)
		return "a last resort runs and is not noted as one";
	return copies_problem(world);
}

/* A record that takes no write: what ran runs, whatever is wanted. */
static const char *worn_problem(const struct world *world, const struct ota_bootrec *record)
{
	return world->host.running.mode == OTA_MODE_NORMAL && record->active == world->host.running.slot
		       ? NULL
		       : "with a record that takes no write another than the active image runs";
}

const char *invariants_of_rest(struct world *world)
{
	struct ota_bootrec record;
	const char *problem = outcome_problem(world);
	bool is_wanted = sim_image_of(world->host.running.image.digest) == world->scenario->wanted;

	if (problem)
		return problem;
	if (!record_of((const uint8_t(*)[512])world->host.flash.now, &record))
		return "no record at rest";
	if (!update_is_good(world->scenario) && is_last_resort(world) && !world->scenario->worn)
		return last_resort_problem(world, &record);
	if (is_wanted != update_is_good(world->scenario))
		return "the wrong image runs in the end";
	if (world->scenario->worn)
		return worn_problem(world, &record);
	problem = record_problem(world, &record);
	return problem ? problem : rest_problem(world, &record);
}
