/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "invariants.h"

enum {
	LIFE_MS = 3600 * 1000,
	START_MS = 1000,
	MARK_SECTOR = FAKE_SLOT_SECTORS - 1,
	/* Of a start with nothing to do: the boot loader's commit, the agent's that clears the starts; its next one leaves safe mode. */
	QUIET_OPS = 8,
	QUIET_SAFE_OPS = 12,
};

struct world *world_make(void)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		abort();
	fake_host_init(&world->host);
	for (unsigned i = 0; i < SIM_IMAGES; i++)
		fake_host_image_add(&world->host, sim_image((enum sim_image)i), IMAGE_WELL);
	return world;
}

void world_free(struct world *world)
{
	fake_host_free(&world->host);
	free(world);
}

/* ---- the beginning ---- */

static uint8_t (*slot_sectors(struct world *world, unsigned slot))[512]
{
	return &world->host.flash.now[slot == OTA_SLOT_A ? FAKE_SLOT_A : FAKE_SLOT_B];
}

static void slot_fill(struct world *world, unsigned slot, enum sim_image image, uint32_t bytes)
{
	memcpy(slot_sectors(world, slot), sim_image(image)->data, bytes);
}

static void slot_mark(struct world *world, unsigned slot, enum sim_image image, uint64_t seq)
{
	struct ota_confirm_mark mark = {.seq = seq, .counter = sim_image(image)->image.counter};

	memcpy(mark.digest, sim_image(image)->image.digest, sizeof(mark.digest));
	ota_confirm_mark_encode(&mark, slot_sectors(world, slot)[MARK_SECTOR]);
}

static void entry_set(struct ota_bootrec *record, unsigned slot, enum sim_image image, enum ota_slot_state state)
{
	record->slot[slot] = (struct ota_bootrec_slot){.image = sim_image(image)->image, .state = (uint8_t)state};
}

static void entry_fail(struct ota_bootrec *record, unsigned slot, enum sim_image image)
{
	entry_set(record, slot, image, OTA_SLOT_READY);
	if (ota_bootrec_mark_bad(record, (enum ota_slot)slot, OTA_CAUSE_HEALTH_TIMEOUT) != 0)
		abort();
}

static void own_set_up(struct world *world, struct ota_bootrec *record)
{
	const struct scenario *scenario = world->scenario;
	unsigned slot = scenario->slot;

	slot_fill(world, slot, IMAGE_FIRST, sim_image(IMAGE_FIRST)->image.bytes);
	record->last_slot = (uint8_t)slot;
	if (scenario->own == OWN_CONFIRMED) {
		entry_set(record, slot, IMAGE_FIRST, OTA_SLOT_CONFIRMED);
		record->active = (uint8_t)slot;
		record->min_counter = 1;
		slot_mark(world, slot, IMAGE_FIRST, 8);
	} else if (scenario->own == OWN_READY) {
		entry_set(record, slot, IMAGE_FIRST, OTA_SLOT_READY);
	} else if (scenario->own == OWN_FAILED) {
		entry_fail(record, slot, IMAGE_FIRST);
	}
}

static void trial_set_up(struct world *world, struct ota_bootrec *record, enum sim_image image, uint8_t tries)
{
	unsigned slot = 1 - world->scenario->slot;

	slot_fill(world, slot, image, sim_image(image)->image.bytes);
	entry_set(record, slot, image, OTA_SLOT_TRIAL);
	record->slot[slot].tries_left = tries;
}

static void other_set_up(struct world *world, struct ota_bootrec *record)
{
	unsigned slot = 1 - world->scenario->slot;
	enum sim_image half = world->scenario->other == OTHER_HALF ? IMAGE_NEW : IMAGE_OTHER;

	switch (world->scenario->other) {
	case OTHER_WRITING:
	case OTHER_HALF:
		entry_set(record, slot, half, OTA_SLOT_WRITING);
		slot_fill(world, slot, half, FAKE_CHUNK_BYTES);
		break;
	case OTHER_READY:
		entry_set(record, slot, IMAGE_OTHER, OTA_SLOT_READY);
		slot_fill(world, slot, IMAGE_OTHER, sim_image(IMAGE_OTHER)->image.bytes);
		break;
	case OTHER_TRIAL:
		trial_set_up(world, record, IMAGE_OTHER, 3);
		break;
	case OTHER_LAST_TRY:
		trial_set_up(world, record, IMAGE_OTHER, 1);
		break;
	case OTHER_TRIED:
		trial_set_up(world, record, IMAGE_OTHER, 0);
		break;
	case OTHER_SICK_TRIAL:
		trial_set_up(world, record, IMAGE_SICK, 3);
		break;
	case OTHER_CONFIRMED:
		entry_set(record, slot, IMAGE_OLD, OTA_SLOT_CONFIRMED);
		slot_fill(world, slot, IMAGE_OLD, sim_image(IMAGE_OLD)->image.bytes);
		slot_mark(world, slot, IMAGE_OLD, 3);
		world->monitor.confirmed |= 1u << IMAGE_OLD;
		break;
	case OTHER_FAILED:
		entry_fail(record, slot, IMAGE_SICK);
		slot_fill(world, slot, IMAGE_SICK, sim_image(IMAGE_SICK)->image.bytes);
		break;
	case OTHER_ROTTEN:
		entry_set(record, slot, IMAGE_OTHER, OTA_SLOT_BAD);
		record->slot[slot].cause = OTA_CAUSE_SIGNATURE_REFUSED;
		slot_fill(world, slot, IMAGE_OTHER, sim_image(IMAGE_OTHER)->image.bytes);
		slot_sectors(world, slot)[2][77] ^= 0x20;
		break;
	case OTHER_EMPTY:
	case OTHER_STATES:
		break;
	}
}

static void record_put(struct world *world, const struct ota_bootrec *record)
{
	uint8_t(*sectors)[512] = world->host.flash.now;

	ota_bootrec_encode(record, sectors[FAKE_RECORD_0]);
	ota_bootrec_encode(record, sectors[FAKE_RECORD_1]);
	if (world->scenario->copies == COPY_0_LOST)
		memset(sectors[FAKE_RECORD_0], 0xff, 512);
	if (world->scenario->copies == COPY_1_LOST)
		memset(sectors[FAKE_RECORD_1], 0xff, 512);
}

static void servers_set_up(struct world *world)
{
	const struct scenario *scenario = world->scenario;
	struct fake_host *host = &world->host;

	for (unsigned i = 0; i < SIM_IMAGES; i++)
		host->behaviour[i] = i == IMAGE_SICK ? IMAGE_NEVER_WELL : IMAGE_WELL;
	host->behaviour[scenario->wanted] = scenario->behaviour;
	host->servers[0] = scenario->server;
	host->job = sim_image(scenario->wanted);
	host->assignment = sim_assignment(scenario->wanted);
	host->job_id = "job-1";
	host->job_version = 1;
	host->told_id[0] = '\0';
	host->crash = OTA_CAUSE_NONE;
}

void world_set_up(struct world *world, const struct scenario *scenario)
{
	struct ram_flash *flash = &world->host.flash;
	struct ota_bootrec record;

	ram_flash_init(flash);
	memset(&world->monitor, 0, sizeof(world->monitor));
	world->scenario = scenario;
	ota_bootrec_init(&record);
	record.seq = 10;
	own_set_up(world, &record);
	other_set_up(world, &record);
	if (scenario->own != OWN_FACTORY)
		record_put(world, &record);
	servers_set_up(world);
	if (scenario->worn) {
		flash->stuck_lba = FAKE_RECORD_0;
		flash->stuck_lba_too = FAKE_RECORD_1;
	}
	if (scenario->lost_write) {
		flash->stuck_lba = (scenario->slot == OTA_SLOT_A ? FAKE_SLOT_B : FAKE_SLOT_A) + 1;
		flash->stuck_left = 1;
	}
	ram_flash_power_on(flash);
	if (invariants_of_disk(world) != NULL)
		abort(); /* no such device */
}

/* ---- forks ---- */

/* All but the disk's sectors, the core's memory and who watches. */
static void outside_copy(struct world *to, const struct world *from)
{
	struct fake_host *host = &to->host;
	const struct fake_host *other = &from->host;

	to->scenario = from->scenario;
	to->monitor = from->monitor;
	memcpy(host->behaviour, other->behaviour, sizeof(host->behaviour));
	memcpy(host->servers, other->servers, sizeof(host->servers));
	memcpy(host->told_id, other->told_id, sizeof(host->told_id));
	host->job = other->job;
	host->assignment = other->assignment;
	host->job_id = other->job_id;
	host->job_version = other->job_version;
	host->told = other->told;
	host->crash = other->crash;
	host->boot.reset_cause = other->boot.reset_cause;
	host->flash.ops = 0;
	host->flash.guard_sectors = host->flash.guard_hits = 0;
	host->flash.stuck_lba = other->flash.stuck_lba;
	host->flash.stuck_lba_too = other->flash.stuck_lba_too;
	host->flash.stuck_left = other->flash.stuck_left;
}

void world_fork(struct world *to, const struct world *from, const struct cut *cut)
{
	outside_copy(to, from);
	cut_apply(cut, &from->host.flash, &to->host.flash);
	to->host.crash = OTA_CAUSE_NONE; /* the power went: nobody's last words */
}

void world_copy(struct world *to, const struct world *from)
{
	outside_copy(to, from);
	memcpy(to->host.flash.now, from->host.flash.now, sizeof(to->host.flash.now));
	to->host.flash.pending_count = 0;
}

/* ---- a life ---- */

static void told_note(struct world *world)
{
	struct monitor *monitor = &world->monitor;
	const struct ota_status *told = &world->host.told;

	if (monitor->ended == 2) {
		monitor->quiet = world->host.flash.ops - world->ops_before <=
				 (world->host.running.mode == OTA_MODE_SAFE ? QUIET_SAFE_OPS : QUIET_OPS);
		return;
	}
	if (strcmp(world->host.told_id, world->host.job_id) != 0)
		return;
	monitor->ended++;
	if (monitor->ended == 2) {
		monitor->outcome_again = (uint8_t)told->outcome;
		monitor->error_again = told->error;
		monitor->cause_again = (uint8_t)told->cause;
		return;
	}
	monitor->outcome = (uint8_t)told->outcome;
	monitor->rolled_back = told->rolled_back;
	monitor->cause = (uint8_t)told->cause;
	monitor->error = told->error;
	if (told->rolled_back)
		world->host.job_id = "job-2"; /* the same image again, by mistake */
	else
		monitor->ended = 2;
}

static bool is_armed(const struct world *world)
{
	struct ota_bootrec record;

	if (!record_of((const uint8_t(*)[512])world->host.flash.now, &record))
		return false;
	for (unsigned slot = 0; slot < OTA_BOOTREC_SLOTS; slot++)
		if (record.slot[slot].state == OTA_SLOT_TRIAL &&
			sim_image_of(record.slot[slot].image.digest) == world->scenario->wanted)
			return true;
	return false;
}

/* A job that holds: nothing is armed that was not before, whatever time passes; then the server releases it. */
static const char *hold_live(struct world *world, bool was_armed)
{
	struct fake_host *host = &world->host;

	if (!was_armed && is_armed(world))
		return "a job that holds was armed without its release";
	if (host->reboot || !host->link || host->status.step != OTA_STEP_HOLD || host->status.outcome != OTA_RUNNING)
		return NULL;
	host->job_reset = OTA_RESET_NOW;
	(void)fake_host_offer(host, host->job, host->job_id);
	fake_host_run(host, LIFE_MS);
	return host->reboot ? NULL : "a release came to nothing";
}

const char *world_live(struct world *world)
{
	struct fake_host *host = &world->host;
	const char *problem;
	bool was_armed;

	/* What the device's memory held is gone; the clock begins anew. */
	memset(&host->last_terminal, 0, sizeof(host->last_terminal));
	memset(&host->running, 0, sizeof(host->running));
	memset(&host->status, 0, sizeof(host->status));
	host->job_reset = world->scenario->held ? OTA_RESET_HOLD : OTA_RESET_AT_ONCE;
	host->now = START_MS;
	host->random = 1;
	host->log_count = 0;
	host->flash.guard_hits = 0;
	host->flash.guard_sectors = 0;
	world->ops_before = host->flash.ops;
	(void)fake_host_boot(host);
	problem = invariants_of_start(world);
	if (problem)
		return problem;
	was_armed = is_armed(world);
	fake_host_core_start(host);
	if (!host->reboot)
		fake_host_go(host, LIFE_MS);
	problem = world->scenario->held ? hold_live(world, was_armed) : NULL;
	if (problem)
		return problem;
	told_note(world);
	problem = invariants_of_life(world);
	return problem ? problem : invariants_of_disk(world);
}
