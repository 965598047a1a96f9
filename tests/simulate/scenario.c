/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

enum { SCENARIOS_MAX = 512 };

static const char *const own_names[] = {"confirmed", "fresh from the factory", "a last resort", "failed, in safe mode"};
static const char *const other_names[] = {"empty", "half of another image", "half of the wanted image", "ready",
	"on trial", "on its last try", "with its tries used up", "on trial and never well", "confirmed", "failed",
	"rotten"};
static const char *const copies_names[] = {"", ", record copy 0 lost", ", record copy 1 lost"};
static const char *const behaviour_names[] = {"well", "never well", "crashing", "dying early", "without link"};
static const char *const wanted_names[] = {
	"the image before", "what runs", "a new image", "the other image", "a sick image"};

static struct fake_image images[SIM_IMAGES];
static struct fake_assignment assignments[SIM_IMAGES];
static struct scenario all[SCENARIOS_MAX];
static size_t all_count;

static void images_make(void)
{
	static const struct {
		uint32_t counter, bytes;
	} made[SIM_IMAGES] = {
		[IMAGE_OLD] = {1, 4500},
		[IMAGE_FIRST] = {1, 4700},
		[IMAGE_NEW] = {2, 5300},
		[IMAGE_OTHER] = {2, 4900},
		[IMAGE_SICK] = {2, 4200},
	};

	for (uint32_t i = 0; i < SIM_IMAGES; i++) {
		fake_image_make(&images[i], made[i].counter, i + 1, made[i].bytes);
		fake_assignment_make(&assignments[i], images[i].image.digest, 1);
		assignments[i].says.expires_s = INT64_MAX;
		fake_assignment_sign(&assignments[i], (const unsigned[]){FAKE_FLEET}, 1);
	}
}

const struct fake_image *sim_image(enum sim_image which)
{
	if (images[0].envelope_len == 0)
		images_make();
	return &images[which];
}

const struct fake_assignment *sim_assignment(enum sim_image which)
{
	(void)sim_image(which);
	return &assignments[which];
}

enum sim_image sim_image_of(const uint8_t digest[32])
{
	for (unsigned i = 0; i < SIM_IMAGES; i++)
		if (memcmp(images[i].image.digest, digest, 32) == 0)
			return (enum sim_image)i;
	return SIM_IMAGES;
}

static struct scenario *add(struct scenario scenario)
{
	struct scenario *to = &all[all_count++];

	*to = scenario;
	(void)snprintf(to->name, sizeof(to->name), "slot %c %s, other %s%s; %s%s%s%s", 'a' + to->slot,
		own_names[to->own], other_names[to->other], copies_names[to->copies], wanted_names[to->wanted],
		to->wanted == IMAGE_NEW ? " " : "", to->wanted == IMAGE_NEW ? behaviour_names[to->behaviour] : "",
		to->server.kind == SERVER_RESETS ? ", connections break"
		: to->worn                       ? ", record worn"
		: to->lost_write                 ? ", a write is lost"
		: to->held                       ? ", held"
						 : "");
	return to;
}

/* Both slots in every state, each copy of the record lost, an image of every character. */
static void states_add(uint8_t slot)
{
	for (unsigned other = 0; other < OTHER_STATES; other++)
		for (unsigned copies = 0; copies < COPIES_STATES; copies++)
			for (unsigned behaviour = IMAGE_WELL; behaviour <= IMAGE_DIES_EARLY; behaviour++) {
				bool main_road = slot == OTA_SLOT_A && copies == COPIES_BOTH;
				bool simple = other == OTHER_EMPTY || other == OTHER_CONFIRMED;
				bool good = behaviour == IMAGE_WELL;

				add((struct scenario){.slot = slot,
					.other = (enum other_state)other,
					.copies = (enum copies)copies,
					.wanted = IMAGE_NEW,
					.behaviour = (enum image_behaviour)behaviour,
					.in_short = main_road || (slot == OTA_SLOT_A && good) || (simple && good),
					.pairs_in_short = main_road && other == OTHER_EMPTY && good});
			}
}

static void origins_add(void)
{
	static const enum image_behaviour characters[] = {IMAGE_WELL, IMAGE_NEVER_WELL, IMAGE_DIES_EARLY};

	for (unsigned i = 0; i < 3; i++) {
		add((struct scenario){
			.own = OWN_FACTORY, .wanted = IMAGE_NEW, .behaviour = characters[i], .in_short = true});
		for (uint8_t slot = 0; slot < 2; slot++) {
			add((struct scenario){.slot = slot,
				.own = OWN_READY,
				.wanted = IMAGE_NEW,
				.behaviour = characters[i],
				.in_short = slot == 0});
			add((struct scenario){.slot = slot,
				.own = OWN_FAILED,
				.other = OTHER_FAILED,
				.wanted = IMAGE_NEW,
				.behaviour = characters[i],
				.in_short = slot == 0});
		}
	}
}

/* What is verified waits for its release, over cuts too. */
static void holds_add(void)
{
	static const enum image_behaviour characters[] = {IMAGE_WELL, IMAGE_NEVER_WELL, IMAGE_DIES_EARLY};

	for (uint8_t slot = 0; slot < 2; slot++)
		for (unsigned i = 0; i < 3; i++)
			add((struct scenario){.slot = slot,
				.other = slot == OTA_SLOT_A ? OTHER_EMPTY : OTHER_CONFIRMED,
				.wanted = IMAGE_NEW,
				.behaviour = characters[i],
				.held = true,
				.in_short = slot == OTA_SLOT_A || i == 0});
}

static void troubles_add(void)
{
	static const struct fake_server resets = {.kind = SERVER_RESETS, .limit = 2000};

	for (uint8_t slot = 0; slot < 2; slot++) {
		add((struct scenario){.slot = slot, .wanted = IMAGE_FIRST, .in_short = true});
		add((struct scenario){.slot = slot, .other = OTHER_CONFIRMED, .wanted = IMAGE_OLD, .in_short = true});
		add((struct scenario){.slot = slot, .other = OTHER_READY, .wanted = IMAGE_OTHER, .in_short = true});
		add((struct scenario){.slot = slot, .wanted = IMAGE_NEW, .server = resets, .in_short = slot == 0});
		add((struct scenario){.slot = slot, .wanted = IMAGE_NEW, .lost_write = true, .in_short = slot == 0});
	}
	add((struct scenario){.other = OTHER_TRIAL, .wanted = IMAGE_NEW, .worn = true, .in_short = true});
}

const struct scenario *scenarios(size_t *count)
{
	(void)sim_image(IMAGE_FIRST);
	if (all_count == 0) {
		states_add(OTA_SLOT_A);
		states_add(OTA_SLOT_B);
		origins_add();
		troubles_add();
		holds_add();
	}
	*count = all_count;
	return all;
}
