// SPDX-License-Identifier: GPL-2.0-or-later
/* The boot decision: runs just before U-Boot's main loop and never returns to it. */
#include <event.h>
#include <init.h>
#include <linux/delay.h>
#include <linux/string.h>
#include <stdio.h>
#include <time.h>

#include <cpu_func.h>

#include "hook.h"

#define NO_SLOT_PAUSE_MS 2000
#define FEED_EVERY_MS    500

/* A record that cannot be read: so often again, so long after. */
#define RECORD_READS         5
#define RECORD_READ_PAUSE_MS 400

struct boot {
	struct skerry_map map;
	struct blk_desc *disk;
	struct ota_bootrec rec;
	bool record_unread; /* the record on flash could not be read: it stays as it is */
	struct ota_slot_seen seen[OTA_BOOTREC_SLOTS];
	struct skerry_kernel kernel;
	unsigned staged; /* the slot whose FIT is in the staging area */
	u64 entry_ticks;
};

static void pause(u32 ms)
{
	for (; ms > 0; ms -= min(ms, (u32)FEED_EVERY_MS)) {
		mdelay(min(ms, (u32)FEED_EVERY_MS));
		skerry_watchdog_feed();
	}
}

/* A pause, so that a device that cannot start does not spin. */
static void __noreturn no_slot_reset(const char *reason)
{
	printf("boot: no-slot reset reason=%s\n", reason);
	pause(NO_SLOT_PAUSE_MS);
	reset_cpu();
	for (;;)
		;
}

static void examine(struct boot *boot, unsigned slot)
{
	skerry_watchdog_feed();
	memset(&boot->seen[slot], 0, sizeof(boot->seen[slot]));
	skerry_slot_examine(&boot->map, boot->disk, slot, &boot->seen[slot], &boot->kernel);
	boot->staged = slot;
}

/*
 * Only one FIT fits the staging area: the chosen one may have to be read, and so verified, again. False: it
 * changed under our feet.
 */
static bool stage(struct boot *boot, unsigned slot)
{
	struct ota_image before = boot->seen[slot].image;

	if (boot->staged == slot)
		return true;
	examine(boot, slot);
	return boot->seen[slot].view == OTA_VIEW_VERIFIED &&
	       !memcmp(before.digest, boot->seen[slot].image.digest, sizeof(before.digest));
}

/* The pauses pace a device that resets again and again, too: without its record nothing counts its starts. */
static int record_read(struct boot *boot)
{
	struct skerry_record_ctx ctx = {boot->disk, &boot->map};
	int error = ota_bootrec_load(&skerry_record_ops, &ctx, &boot->rec);

	for (unsigned i = 0; i < RECORD_READS && error == OTA_BOOTREC_UNREADABLE; i++) {
		pause(RECORD_READ_PAUSE_MS);
		error = ota_bootrec_load(&skerry_record_ops, &ctx, &boot->rec);
	}
	return error;
}

static void record_load(struct boot *boot)
{
	enum ota_cause reset_cause = skerry_watchdog_has_reset() ? OTA_CAUSE_WATCHDOG : OTA_CAUSE_NONE;
	int error = record_read(boot);

	if (error) {
		boot->record_unread = error == OTA_BOOTREC_UNREADABLE;
		printf("boot: record %s, choosing by the slots\n", boot->record_unread ? "unreadable" : "lost");
		examine(boot, OTA_SLOT_A);
		examine(boot, OTA_SLOT_B);
		ota_bootrec_recover(&boot->rec, boot->seen);
	}
	ota_bootrec_begin(&boot->rec, reset_cause);
	printf("boot: record seq=%llu active=%s starts=%u min-counter=%u boots=%u last-cause=%s\n", boot->rec.seq,
		boot->rec.active == OTA_SLOT_NONE ? "none"
		: boot->rec.active == OTA_SLOT_B  ? "b"
						  : "a",
		boot->rec.starts, boot->rec.min_counter, boot->rec.boots, ota_cause_name(boot->rec.last_cause));
}

/*
 * Try and count are on flash before the jump, or a trial does not start. A confirmed image starts even from a disk
 * that cannot be written. A record that could not be read is not overwritten: what it says of the slots may be
 * right, and the agent reads it later.
 */
static bool record_start(struct boot *boot, const struct ota_boot_plan *plan)
{
	struct skerry_record_ctx ctx = {boot->disk, &boot->map};
	struct ota_bootrec before = boot->rec;

	ota_bootrec_start(&boot->rec, boot->seen, plan);
	if (boot->record_unread && plan->mode != OTA_MODE_TRIAL)
		return true;
	if (!boot->record_unread && !ota_bootrec_commit(&skerry_record_ops, &ctx, &boot->rec))
		return true;
	printf("boot: record cannot be written\n");
	if (plan->mode != OTA_MODE_TRIAL)
		return true;
	boot->rec = before;
	return false;
}

static void start(struct boot *boot, const struct ota_boot_plan *plan)
{
	struct ota_slot_seen *seen = &boot->seen[plan->slot];
	struct skerry_handoff handoff = {&boot->rec, plan, &seen->image, boot->entry_ticks};

	if (plan->pause_ms)
		printf("boot: slot=%c pause ms=%u starts=%u\n", 'a' + plan->slot, plan->pause_ms, boot->rec.starts);
	pause(plan->pause_ms);
	if (!record_start(boot, plan)) {
		seen->view = OTA_VIEW_REFUSED;
		seen->cause = OTA_CAUSE_RECORD_UNWRITABLE;
		return;
	}
	printf("boot: slot=%c start mode=%s tries-left=%u boots=%u\n", 'a' + plan->slot, ota_boot_mode_name(plan->mode),
		boot->rec.slot[plan->slot].tries_left, boot->rec.boots);
	skerry_watchdog_feed();
	if (skerry_handoff_write(&boot->map, &handoff))
		no_slot_reset("kernel-device-tree-full");
	skerry_handoff_jump(&boot->map, &boot->kernel);
}

static int skerry_main(void)
{
	static struct boot boot;

	boot.entry_ticks = get_ticks();
	boot.staged = OTA_SLOT_NONE;
	if (skerry_map_read(&boot.map))
		no_slot_reset("control-tree");
	if (!skerry_key_is_required())
		no_slot_reset("no-required-key");
	if (skerry_handoff_open(&boot.map))
		no_slot_reset("kernel-device-tree");
	boot.disk = skerry_disk();
	if (!boot.disk)
		no_slot_reset("no-disk");
	record_load(&boot);
	for (;;) {
		struct ota_boot_plan plan = ota_bootrec_plan(&boot.rec, boot.seen);

		if (plan.step == OTA_BOOT_NOTHING)
			no_slot_reset("none-verifies");
		if (plan.step == OTA_BOOT_EXAMINE)
			examine(&boot, plan.slot);
		else if (stage(&boot, plan.slot))
			start(&boot, &plan);
	}
}
EVENT_SPY_SIMPLE(EVT_MAIN_LOOP, skerry_main);
