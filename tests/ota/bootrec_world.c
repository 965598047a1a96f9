/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootrec_world.h"

struct ota_image image_of(uint8_t seed, uint32_t counter)
{
	struct ota_image image = {.bytes = 1000u + seed, .counter = counter, .version = {seed, 2, 3}};

	memset(image.digest, seed, sizeof(image.digest));
	return image;
}

struct ota_bootrec_slot slot_of(uint8_t seed, enum ota_slot_state state)
{
	return (struct ota_bootrec_slot){.image = image_of(seed, 5), .state = (uint8_t)state};
}

struct ota_bootrec confirmed_pair(void)
{
	struct ota_bootrec rec;

	ota_bootrec_init(&rec);
	rec.seq = 7;
	rec.active = OTA_SLOT_A;
	rec.slot[0] = slot_of(0xaa, OTA_SLOT_CONFIRMED);
	rec.slot[1] = slot_of(0xbb, OTA_SLOT_CONFIRMED);
	return rec;
}

struct ota_bootrec trial_pair(void)
{
	struct ota_bootrec rec = confirmed_pair();

	assert_int_equal(ota_bootrec_arm_trial(&rec, OTA_SLOT_B), 0);
	return rec;
}

struct world world_of(const struct ota_bootrec *rec)
{
	struct world world;

	memset(&world, 0, sizeof(world));
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		world.content[i].view = OTA_VIEW_VERIFIED;
		world.content[i].image = rec->slot[i].image;
	}
	return world;
}

void spoil(struct world *world, unsigned slot, enum ota_cause cause)
{
	memset(&world->content[slot], 0, sizeof(world->content[slot]));
	world->content[slot].view = OTA_VIEW_REFUSED;
	world->content[slot].cause = cause;
}

struct ota_boot_plan decide(const struct ota_bootrec *rec, struct world *world)
{
	memset(world->seen, 0, sizeof(world->seen));
	world->examined = 0;
	for (;;) {
		struct ota_boot_plan plan = ota_bootrec_plan(rec, world->seen);

		if (plan.step != OTA_BOOT_EXAMINE)
			return plan;
		assert_true(plan.slot < OTA_BOOTREC_SLOTS);
		assert_int_equal(world->seen[plan.slot].view, OTA_VIEW_UNSEEN);
		assert_true(world->examined++ < OTA_BOOTREC_SLOTS);
		world->seen[plan.slot] = world->content[plan.slot];
	}
}

struct ota_boot_plan boot(struct ota_bootrec *rec, struct world *world, enum ota_cause reset_cause)
{
	struct ota_boot_plan plan;

	ota_bootrec_begin(rec, reset_cause);
	plan = decide(rec, world);
	if (plan.step == OTA_BOOT_START)
		ota_bootrec_start(rec, world->seen, &plan);
	return plan;
}

void assert_boots(struct ota_bootrec *rec, struct world *world, enum ota_slot slot, enum ota_boot_mode mode)
{
	struct ota_boot_plan plan = boot(rec, world, OTA_CAUSE_NONE);

	assert_int_equal(plan.step, OTA_BOOT_START);
	assert_int_equal(plan.slot, slot);
	assert_int_equal(plan.mode, mode);
	assert_int_equal(rec->last_slot, slot);
	assert_int_equal(rec->last_mode, mode);
}
