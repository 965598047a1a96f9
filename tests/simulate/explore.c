/* SPDX-License-Identifier: Apache-2.0 */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "invariants.h"

enum { LIVES_MAX = 40, SHOWN_MAX = 20 };

/* One level of cuts in cuts: a life that is watched, and what a cut leaves of it. */
struct level {
	struct explorer *explorer;
	struct world *world, *left;
	struct cuts *cuts;
	unsigned cuts_left, life;
	struct tally tally;
};

static struct level levels[EXPLORE_CUTS_MAX + 1];
/* Where the story stands, for people. */
static char story[EXPLORE_CUTS_MAX][CUT_TEXT_MAX + 16];
static unsigned story_cuts;

static struct tally stories(struct explorer *explorer, struct world *world, unsigned cuts, unsigned life, bool afresh);

static void levels_make(void)
{
	for (unsigned i = 0; i <= EXPLORE_CUTS_MAX && !levels[i].world; i++) {
		levels[i].world = world_make();
		levels[i].left = world_make();
		levels[i].cuts = cuts_make();
	}
}

static void failure_show(struct explorer *explorer, const char *problem, unsigned life)
{
	if (explorer->shown++ >= SHOWN_MAX)
		return;
	printf("FAILED %s: %s (life %u)\n", explorer->scenario->name, problem, life);
	for (unsigned i = 0; i < story_cuts; i++)
		printf("    cut in %s\n", story[i]);
	if (!explorer->stop)
		return;
	(void)fflush(stdout);
	_exit(1);
}

static void life_show(const struct world *world, unsigned life)
{
	const struct fake_host *host = &world->host;
	unsigned lines = host->log_count < 32 ? host->log_count : 32;
	struct ota_bootrec record = {0};

	printf("life %u: slot %u mode %u image %d\n", life, host->running.slot, host->running.mode,
		(int)sim_image_of(host->running.image.digest));
	for (unsigned i = host->log_count - lines; i != host->log_count; i++)
		printf("    %s\n", host->log[i % 32]);
	if (record_of((const uint8_t(*)[512])host->flash.now, &record))
		printf("    a: state %u tries %u cause %u, b: state %u tries %u cause %u, active %u starts %u floor "
		       "%u\n",
			record.slot[0].state, record.slot[0].tries_left, record.slot[0].cause, record.slot[1].state,
			record.slot[1].tries_left, record.slot[1].cause, record.active, record.starts,
			record.min_counter);
}

/* The chain without further cuts. 1: it broke an invariant. */
static struct tally rest_of(struct explorer *explorer, struct world *world, unsigned life, const char *problem)
{
	if (!problem && world->monitor.quiet)
		problem = invariants_of_rest(world);
	else if (!problem && life >= LIVES_MAX)
		problem = "the update does not end";
	else if (!problem)
		return stories(explorer, world, 0, life + 1, false);
	if (!problem)
		return (struct tally){1, 0};
	failure_show(explorer, problem, life);
	return (struct tally){1, 1};
}

static void on_cut(void *ctx, const struct cut *cut)
{
	struct level *level = ctx;
	struct explorer *explorer = level->explorer;
	const char *problem;
	struct tally tally;

	if (level->cuts_left == 1 && explorer->every > 1 && explorer->nth++ % explorer->every != 0)
		return;
	(void)snprintf(story[story_cuts], sizeof(story[0]), "life %u, %s", level->life, cut->text);
	if (explorer->story && !strstr(story[story_cuts], explorer->story))
		return;
	if (explorer->story)
		printf("-- cut in %s\n", story[story_cuts]);
	story_cuts++;
	explorer->forks++;
	world_fork(level->left, level->world, cut);
	problem = invariants_of_disk(level->left);
	if (problem) {
		failure_show(explorer, problem, 0);
		tally = (struct tally){1, 1};
	} else {
		tally = stories(
			explorer, level->left, level->cuts_left - 1, 1, level->cuts_left == 1 && story_cuts == 1);
	}
	story_cuts--;
	level->tally.tried += tally.tried;
	level->tally.failed += tally.failed;
}

static void on_op(void *ctx, const struct ram_flash_op *op)
{
	struct level *level = ctx;

	cuts_of(level->cuts, &level->world->host.flash, op, on_cut, level);
}

/* One life of `world`, watched if cuts are left, then the next ones. */
static struct tally life_run(struct explorer *explorer, struct world *world, unsigned cuts, unsigned life)
{
	struct level *level = &levels[cuts];
	struct tally tally, rest;
	const char *problem;

	if (world != level->world)
		world_copy(level->world, world);
	level->explorer = explorer;
	level->cuts_left = cuts;
	level->life = life;
	level->tally = (struct tally){0};
	level->world->host.flash.watch = cuts > 0 ? on_op : NULL;
	level->world->host.flash.watch_ctx = level;
	explorer->lives++;
	problem = world_live(level->world);
	if (explorer->story && cuts == 0)
		life_show(level->world, life);
	tally = level->tally;
	if (cuts == 0)
		return rest_of(explorer, level->world, life, problem);
	/* What is wrong without a further cut was said where no cut was left. */
	if (problem || level->world->monitor.quiet || life >= LIVES_MAX)
		return tally;
	rest = stories(explorer, level->world, cuts, life + 1, false);
	return (struct tally){tally.tried + rest.tried, tally.failed + rest.failed};
}

static struct tally stories(struct explorer *explorer, struct world *world, unsigned cuts, unsigned life, bool afresh)
{
	struct world_key key;
	struct memo_entry *entry;
	struct tally tally;

	if (afresh)
		return life_run(explorer, world, cuts, life);
	key = world_key(world);
	entry = memo_at(explorer->memo, key, (uint8_t)cuts);
	if (entry->state == MEMO_DONE)
		return entry->tally;
	if (entry->state == MEMO_OPEN) {
		failure_show(explorer, "the device goes round in a circle", life);
		return (struct tally){1, 1};
	}
	entry->state = MEMO_OPEN;
	tally = life_run(explorer, world, cuts, life);
	entry = memo_at(explorer->memo, key, (uint8_t)cuts);
	entry->state = MEMO_DONE;
	entry->tally = tally;
	return tally;
}

static struct world *beginning(struct explorer *explorer)
{
	static struct world *world;

	levels_make();
	if (!world)
		world = world_make();
	world_set_up(world, explorer->scenario);
	memo_clear(explorer->memo);
	return world;
}

bool explore_uncut(struct explorer *explorer)
{
	struct world *world = beginning(explorer);
	const char *problem = NULL;
	unsigned life;

	world->host.flash.watch = NULL;
	for (life = 1; !problem && !world->monitor.quiet; life++) {
		problem = world_live(world);
		explorer->lives++;
		if (!problem && life >= LIVES_MAX)
			problem = "the update does not end";
	}
	if (!problem)
		problem = invariants_of_rest(world);
	if (problem)
		failure_show(explorer, problem, life - 1);
	return !problem;
}

struct tally explore(struct explorer *explorer, unsigned cuts)
{
	struct world *world = beginning(explorer);

	if (cuts == 0 || cuts > EXPLORE_CUTS_MAX)
		abort();
	return stories(explorer, world, cuts, 1, false);
}
