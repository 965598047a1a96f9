/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power-cut simulator: the real core and the real boot rules on a disk with a volatile cache. For every write and flush of an
 * update, from the boot loader's first commit to the server's acknowledgement, the power goes before it, in the middle of
 * it (whole sectors up to some point, one torn) and after it; what was not flushed is kept, lost, or mixed sector by
 * sector with some torn. Then the device goes on, and at the end:
 *
 *   - at every start something was started, and the boot record could be read;
 *   - what was started is an image that was rightly signed, and a trial was only ever the job's image;
 *   - nothing was ever written to the image that runs;
 *   - at every moment the active slot held its image, whole and not below the floor;
 *   - the update ended as it would have without the cut, the server was told so, and the next start is quiet.
 *
 * Then the same with two cuts, drawn at random. Usage: sim_update [pairs-per-scenario [seed]].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/fake_host.h"
#include "ota/err.h"

enum { LIVES_MAX = 16, PAIRS_DEFAULT = 300 };

static struct fake_image v1, v2, v3;
static struct fake_host host, start;

struct scenario {
	const char *name;
	const struct fake_image *before; /* confirmed before the update; slot a: v1, slot b: another */
	const struct fake_image *wanted;
	enum image_behaviour behaviour;
	struct fake_server server;
};

static const struct scenario scenarios[] = {
	{"first update", &v1, &v2, IMAGE_WELL, {.kind = SERVER_GOOD}},
	{"second update, over the first image", &v2, &v3, IMAGE_WELL, {.kind = SERVER_GOOD}},
	{"connections that break", &v1, &v2, IMAGE_WELL, {.kind = SERVER_RESETS, .limit = 6000}},
	{"image that is never well", &v1, &v2, IMAGE_NEVER_WELL, {.kind = SERVER_GOOD}},
	{"image that crashes", &v1, &v3, IMAGE_CRASHES, {.kind = SERVER_GOOD}},
	{"image that dies before its agent is up", &v1, &v3, IMAGE_DIES_EARLY, {.kind = SERVER_GOOD}},
	{"image that runs already", &v1, &v1, IMAGE_WELL, {.kind = SERVER_GOOD}},
};

struct cut {
	uint64_t at;
	enum cut_moment moment;
	enum cut_cache cache;
	uint32_t random;
};

static const char *problem(const struct scenario *scenario, bool first)
{
	bool is_wanted = memcmp(host.running.image.digest, scenario->wanted->image.digest, 32) == 0;
	bool is_before = memcmp(host.running.image.digest, scenario->before->image.digest, 32) == 0;

	if (host.running.slot == OTA_SLOT_NONE)
		return "nothing was started";
	if (host.start_result != 0 && !first)
		return "the boot record was lost";
	if (!is_wanted && !is_before)
		return "neither the old image nor the new one runs";
	if (host.running.mode == OTA_MODE_TRIAL && !is_wanted)
		return "another image than the job's is on trial";
	if (host.running.mode == OTA_MODE_SAFE)
		return "safe mode without need";
	if (host.flash.guard_hits)
		return "the running image was written to";
	return NULL;
}

/* At every moment there is something to fall back to: the active slot holds its image, whole and not below the floor. */
static const char *fallback_problem(void)
{
	struct ota_bootrec record = fake_boot_record(&host.boot);
	const struct fake_image *image;

	if (record.seq == 0)
		return NULL; /* the factory writes none */
	if (record.active >= OTA_BOOTREC_SLOTS || record.slot[record.active].state != OTA_SLOT_CONFIRMED)
		return "no slot is active and confirmed";
	image = fake_boot_slot_image(&host.boot, record.active);
	if (!image || memcmp(image->image.digest, record.slot[record.active].image.digest, 32) != 0)
		return "the active slot does not hold its image";
	if (image->image.counter < record.min_counter)
		return "the active image is below the floor";
	return NULL;
}

static const char *outcome_problem(const struct scenario *scenario)
{
	bool good = scenario->behaviour == IMAGE_WELL;
	const struct fake_image *expected = good ? scenario->wanted : scenario->before;
	struct ota_bootrec record = fake_boot_record(&host.boot);

	if (memcmp(host.running.image.digest, expected->image.digest, 32) != 0)
		return "the wrong image runs in the end";
	if (host.last_terminal.outcome != (good ? OTA_SUCCEEDED : OTA_FAILED))
		return "the server was told the wrong outcome";
	if (!good && (!host.last_terminal.rolled_back || host.last_terminal.cause == OTA_CAUSE_NONE))
		return "the roll-back was told without its cause";
	if (record.active != host.running.slot || record.slot[record.active].state != OTA_SLOT_CONFIRMED)
		return "what runs is not confirmed in the record";
	if (record.min_counter != expected->image.counter)
		return "the security counter's floor is wrong";
	return NULL;
}

/* Power cuts still to come go into the disk one after another, each counted from the start of the run. */
static void cut_arm(const struct cut *cuts, size_t count, size_t *next)
{
	if (*next >= count || host.flash.cut_at != UINT64_MAX || cuts[*next].at < host.flash.ops)
		return;
	host.flash.cut_at = cuts[*next].at;
	host.flash.moment = cuts[*next].moment;
	host.flash.cache = cuts[*next].cache;
	host.flash.random = cuts[*next].random;
	(*next)++;
}

static const char *run(const struct scenario *scenario, const struct cut *cuts, size_t count)
{
	struct ota *memory = host.ota;
	size_t next = 0;
	bool ended = false;

	host = start;
	host.ota = memory;
	host.boot.flash = &host.flash;
	host.boot.images = host.images;
	for (unsigned life = 0; life < LIVES_MAX; life++) {
		const char *fault;
		bool was_cut;

		cut_arm(cuts, count, &next);
		(void)fake_host_live(&host, 3600 * 1000);
		was_cut = host.flash.dead;
		ram_flash_power_on(&host.flash);
		fault = fallback_problem();
		if (!fault && !was_cut)
			fault = problem(scenario, host.flash.ops < 8);
		if (fault)
			return fault;
		if (was_cut)
			continue;
		if (ended)
			return outcome_problem(scenario);
		ended = strcmp(host.told_id, host.job_id) == 0;
	}
	return "the update did not end";
}

static void quiet_update(const struct scenario *scenario, const struct fake_image *image, const char *id)
{
	(void)scenario;
	host.job = image;
	host.job_id = id;
	host.terminals = 0;
	if (!fake_host_settle(&host, LIVES_MAX))
		abort();
}

/* The device before the update, in `start`. */
static void scenario_set_up(const struct scenario *scenario)
{
	struct ota *memory = host.ota;

	fake_host_free(&host);
	fake_host_init(&host);
	memory = host.ota;
	fake_host_image_add(&host, &v1, IMAGE_WELL);
	fake_host_image_add(&host, &v2, IMAGE_WELL);
	fake_host_image_add(&host, &v3, IMAGE_WELL);
	fake_boot_factory(&host.boot, &v1);
	if (scenario->before != &v1)
		quiet_update(scenario, scenario->before, "job-0");
	for (size_t i = 0; i < host.image_count; i++)
		if (host.images[i] == scenario->wanted)
			host.behaviour[i] = scenario->behaviour;
	host.servers[0] = scenario->server;
	host.job = scenario->wanted;
	host.job_id = "job-1";
	host.terminals = host.lives = 0;
	host.told_id[0] = '\0';
	memset(&host.last_terminal, 0, sizeof(host.last_terminal));
	host.flash.ops = 0;
	start = host;
	host.ota = memory;
}

static unsigned tried, failed;

static void try(const struct scenario *scenario, const struct cut *cuts, size_t count)
{
	const char *fault = run(scenario, cuts, count);

	tried++;
	if (!fault)
		return;
	failed++;
	printf("FAILED %s: %s;", scenario->name, fault);
	for (size_t i = 0; i < count; i++)
		printf(" cut at op %llu moment %d cache %d random %u", (unsigned long long)cuts[i].at,
			(int)cuts[i].moment, (int)cuts[i].cache, cuts[i].random);
	printf(" lives %u\n", host.lives);
}

static uint64_t ops_without_cut(const struct scenario *scenario)
{
	const char *fault = run(scenario, NULL, 0);

	if (fault) {
		printf("FAILED %s without any cut: %s\n", scenario->name, fault);
		failed++;
	}
	return host.flash.ops;
}

static void single_cuts(const struct scenario *scenario, uint64_t ops)
{
	for (uint64_t at = 0; at < ops; at++)
		for (int moment = CUT_BEFORE; moment <= CUT_AFTER; moment++)
			for (int cache = CACHE_KEPT; cache <= CACHE_MIXED; cache++) {
				struct cut cut = {
					at, (enum cut_moment)moment, (enum cut_cache)cache, (uint32_t)at * 31 + 7};

				try(scenario, &cut, 1);
			}
}

static uint32_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % bound;
}

static void double_cuts(const struct scenario *scenario, uint64_t ops, unsigned pairs)
{
	for (unsigned i = 0; i < pairs; i++) {
		struct cut cuts[2];

		for (unsigned c = 0; c < 2; c++)
			cuts[c] = (struct cut){random_below((uint32_t)ops), (enum cut_moment)random_below(3),
				(enum cut_cache)random_below(3), random_below(1u << 20)};
		cuts[1].at += cuts[0].at + 1;
		try(scenario, cuts, 2);
	}
}

int main(int argc, char **argv)
{
	unsigned pairs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : PAIRS_DEFAULT;

	random_state = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 20261123;
	printf("seed %u\n", random_state);
	fake_image_make(&v1, 1, 1, 9000);
	fake_image_make(&v2, 2, 2, 22000);
	fake_image_make(&v3, 2, 3, 20001);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		unsigned before = tried;
		uint64_t ops;

		scenario_set_up(&scenarios[i]);
		ops = ops_without_cut(&scenarios[i]);
		single_cuts(&scenarios[i], ops);
		double_cuts(&scenarios[i], ops, pairs);
		printf("%s: %llu storage operations, %u runs\n", scenarios[i].name, (unsigned long long)ops,
			tried - before);
	}
	fake_host_free(&host);
	printf("cut points: %u tried, %u failed\n", tried, failed);
	return failed != 0;
}
