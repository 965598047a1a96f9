/* SPDX-License-Identifier: Apache-2.0 */
/* The description of a rollout (fleet/ROLLOUTS.md) on the operator's side: from a JSON file, or from a few options. */
#ifndef SKERRY_DESCRIBE_H
#define SKERRY_DESCRIBE_H

#include "skerry/cli.h"
#include "skerry/client.h"

#define DESCRIBE_PERCENTS_MAX 16

struct describe {
	const char *file; /* JSON; NULL: none */
	const char *image, *name, *selector, *action;
	const char *percents[DESCRIBE_PERCENTS_MAX];
	size_t percent_count;
	uint64_t canary, in_flight, per_minute, soak_s, success, trial_s, approvals;
};

#define DESCRIBE_OPTIONS(d)                                                                                            \
	{.name = "--image",                                                                                            \
		.value = "IMAGE",                                                                                      \
		.text = &(d)->image,                                                                                   \
		.help = "digest, IMG.suit (is uploaded), or the name of a channel"},                                   \
		{.name = "--name", .value = "TEXT", .text = &(d)->name, .help = "for people"},                         \
		{.name = "--selector",                                                                                 \
			.value = "SELECTOR",                                                                           \
			.text = &(d)->selector,                                                                        \
			.help = "which devices, as site=kiel,ring!=lab (default: all of the image's board)"},          \
		{.name = "--canary",                                                                                   \
			.value = "N",                                                                                  \
			.number = &(d)->canary,                                                                        \
			.min = 1,                                                                                      \
			.max = 1000000,                                                                                \
			.help = "a first wave of so many, all of which must succeed"},                                 \
		{.name = "--percent",                                                                                  \
			.value = "P",                                                                                  \
			.list = (d)->percents,                                                                         \
			.list_max = DESCRIBE_PERCENTS_MAX,                                                             \
			.list_count = &(d)->percent_count,                                                             \
			.help = "a further wave of so many percent; may be given again. The rest comes last"},         \
		{.name = "--max-in-flight",                                                                            \
			.value = "N",                                                                                  \
			.number = &(d)->in_flight,                                                                     \
			.min = 1,                                                                                      \
			.max = 1000000,                                                                                \
			.help = "at most so many at once (100)"},                                                      \
		{.name = "--per-minute",                                                                               \
			.value = "N",                                                                                  \
			.number = &(d)->per_minute,                                                                    \
			.min = 1,                                                                                      \
			.max = 1000000,                                                                                \
			.help = "start at most so many a minute (no limit)"},                                          \
		{.name = "--soak",                                                                                     \
			.value = "SECONDS",                                                                            \
			.number = &(d)->soak_s,                                                                        \
			.min = 1,                                                                                      \
			.max = 2592000,                                                                                \
			.help = "watch each wave so long before the next (0)"},                                        \
		{.name = "--success",                                                                                  \
			.value = "P",                                                                                  \
			.number = &(d)->success,                                                                       \
			.min = 1,                                                                                      \
			.max = 100,                                                                                    \
			.help = "percent of a wave that must succeed (95)"},                                           \
		{.name = "--on-failure",                                                                               \
			.value = "ACTION",                                                                             \
			.text = &(d)->action,                                                                          \
			.help = "pause, abort or rollback when 10 % and 2 have failed (pause)"},                       \
		{.name = "--trial-seconds",                                                                            \
			.value = "N",                                                                                  \
			.number = &(d)->trial_s,                                                                       \
			.min = 10,                                                                                     \
			.max = 3600,                                                                                   \
			.help = "time to be confirmed (device's default: 120)"},                                       \
	{                                                                                                              \
		.name = "--approvals", .value = "N", .number = &(d)->approvals, .min = 1, .max = 10,                   \
		.help = "so many others must approve before it starts (0)"                                             \
	}

/* A new reference, NULL with *error. Uploads the image if it is a file that is not on the server. */
json_t *describe_read(const struct describe *describe, struct client *client, struct fleet_error *error);

#endif
