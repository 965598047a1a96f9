/* SPDX-License-Identifier: Apache-2.0 */
/* The power-cut simulator's command line: which scenarios, how many cuts, in how many processes. README.md says what is tried. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "explore.h"

enum { PROCESSES_MAX = 16 };

static struct options {
	bool is_long, list, stop;
	const char *only;  /* scenarios whose name contains it */
	const char *story; /* cuts whose text contains it */
	unsigned cuts;     /* 0: as the run has it */
	uint32_t every, seed;
	unsigned processes;
} options = {.every = 1, .seed = 20261123};

struct result {
	struct tally single, pair;
	uint64_t forks, lives, worlds;
	unsigned scenarios, broken; /* broken: wrong without any cut */
};

static void usage(void)
{
	printf("usage: simulate [--long] [--only TEXT] [--cuts N] [--every N] [--seed N] [--jobs N] [--story TEXT] "
	       "[--list]\n"
	       "  --long     every scenario, and every pair of cuts (also: SKERRY_TEST_LONG=1)\n"
	       "  --only     scenarios whose name contains TEXT; --list names them\n"
	       "  --cuts     1: single cuts only; 2: pairs in each of the chosen scenarios\n"
	       "  --every    of the single cuts each Nth\n"
	       "  --jobs     processes; 1, or 2 of the long run\n"
	       "  --stop     at the first failure\n"
	       "  --story    single cuts whose text contains TEXT, told life by life\n");
}

static bool number_read(const char *text, uint32_t *value)
{
	char *end;
	unsigned long number = text ? strtoul(text, &end, 0) : 0;

	if (!text || *end != '\0' || end == text || number > UINT32_MAX)
		return false;
	*value = (uint32_t)number;
	return true;
}

static bool options_read(int argc, char **argv)
{
	const char *is_long = getenv("SKERRY_TEST_LONG");
	const char *seed = getenv("SKERRY_TEST_SEED");

	options.is_long = is_long && is_long[0] != '\0' && strcmp(is_long, "0") != 0;
	if (seed && !number_read(seed, &options.seed))
		return false;
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(name, "--long") == 0)
			options.is_long = true;
		else if (strcmp(name, "--list") == 0)
			options.list = true;
		else if (strcmp(name, "--stop") == 0)
			options.stop = true;
		else if (strcmp(name, "--only") == 0 && value)
			options.only = argv[++i];
		else if (strcmp(name, "--story") == 0 && value)
			options.story = argv[++i];
		else if (strcmp(name, "--cuts") == 0 && number_read(value, &options.cuts))
			i++;
		else if (strcmp(name, "--every") == 0 && number_read(value, &options.every) && options.every > 0)
			i++;
		else if (strcmp(name, "--seed") == 0 && number_read(value, &options.seed))
			i++;
		else if (strcmp(name, "--jobs") == 0 && number_read(value, &options.processes))
			i++;
		else
			return false;
	}
	if (options.processes == 0)
		options.processes = options.is_long ? 2 : 1;
	return options.cuts <= 2 && options.processes <= PROCESSES_MAX;
}

static bool is_chosen(const struct scenario *scenario)
{
	if (options.only)
		return strstr(scenario->name, options.only) != NULL;
	return options.is_long || scenario->in_short;
}

static bool has_pairs(const struct scenario *scenario)
{
	if (options.cuts > 0 || options.every > 1 || options.story)
		return options.cuts == 2 && !options.story;
	return options.is_long || scenario->pairs_in_short;
}

static void scenario_run(const struct scenario *scenario, struct explorer *explorer, struct result *result)
{
	struct tally single, pair = {0};

	explorer->scenario = scenario;
	result->scenarios++;
	if (!explore_uncut(explorer)) {
		result->broken++;
		return;
	}
	single = explore(explorer, 1);
	result->worlds += memo_count(explorer->memo);
	if (has_pairs(scenario)) {
		pair = explore(explorer, 2);
		result->worlds += memo_count(explorer->memo);
	}
	result->single.tried += single.tried;
	result->single.failed += single.failed;
	result->pair.tried += pair.tried;
	result->pair.failed += pair.failed;
	printf("%s: %llu cuts", scenario->name, (unsigned long long)single.tried);
	if (pair.tried)
		printf(", %llu pairs", (unsigned long long)pair.tried);
	printf("\n");
	(void)fflush(stdout);
}

/* Every scenario whose number leaves `part` when divided by the number of processes. */
static void part_run(unsigned part, struct result *result)
{
	struct explorer explorer = {
		.memo = memo_make(), .every = options.every, .stop = options.stop, .story = options.story};
	size_t count;
	const struct scenario *all = scenarios(&count);

	for (size_t i = 0, chosen = 0; i < count; i++)
		if (is_chosen(&all[i]) && chosen++ % options.processes == part) {
			cut_seed(options.seed + (uint32_t)i);
			scenario_run(&all[i], &explorer, result);
		}
	result->forks = explorer.forks;
	result->lives = explorer.lives;
	memo_free(explorer.memo);
}

/* False: a process ended otherwise than it should. */
static bool parts_run(struct result *results)
{
	bool good = true;
	pid_t child[PROCESSES_MAX];

	for (unsigned part = 0; part < options.processes; part++) {
		(void)fflush(stdout);
		child[part] = fork();
		if (child[part] == 0) {
			part_run(part, &results[part]);
			(void)fflush(stdout);
			_exit(0);
		}
		if (child[part] < 0) {
			printf("fork: %s\n", strerror(errno));
			return false;
		}
	}
	for (unsigned part = 0; part < options.processes; part++) {
		int status;

		if (waitpid(child[part], &status, 0) < 0 || status != 0) {
			printf("FAILED process %u broke off, status %#x\n", part, status);
			good = false;
		}
	}
	return good;
}

static int report(const struct result *results, double seconds)
{
	struct result sum = {0};
	uint64_t tried, failed;

	for (unsigned part = 0; part < options.processes; part++) {
		sum.single.tried += results[part].single.tried;
		sum.single.failed += results[part].single.failed;
		sum.pair.tried += results[part].pair.tried;
		sum.pair.failed += results[part].pair.failed;
		sum.forks += results[part].forks;
		sum.lives += results[part].lives;
		sum.worlds += results[part].worlds;
		sum.scenarios += results[part].scenarios;
		sum.broken += results[part].broken;
	}
	tried = sum.single.tried + sum.pair.tried;
	failed = sum.single.failed + sum.pair.failed + sum.broken;
	printf("%u scenarios, %llu single cuts, %llu pairs, %llu disks, %llu lives, %llu different worlds, %.0f s\n",
		sum.scenarios, (unsigned long long)sum.single.tried, (unsigned long long)sum.pair.tried,
		(unsigned long long)sum.forks, (unsigned long long)sum.lives, (unsigned long long)sum.worlds, seconds);
	printf("cut points: %llu tried, %llu failed\n", (unsigned long long)tried, (unsigned long long)failed);
	return failed != 0 || tried == 0;
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	struct result *results;
	bool good;

	if (!options_read(argc, argv)) {
		usage();
		return 2;
	}
	if (options.list) {
		size_t count;
		const struct scenario *all = scenarios(&count);

		for (size_t i = 0; i < count; i++)
			if (is_chosen(&all[i]))
				printf("%s\n", all[i].name);
		return 0;
	}
	printf("seed %u\n", options.seed);
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	results =
		mmap(NULL, PROCESSES_MAX * sizeof(*results), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		return 2;
	good = parts_run(results);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	return report(results, (double)(end.tv_sec - begin.tv_sec)) || !good;
}
