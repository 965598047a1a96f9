/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The description of a rollout (fleet/ROLLOUTS.md), from JSON and back. All bounds are checked here; what is missing gets its default, so that what
 * is kept says everything. Pure but for memory.
 */
#ifndef SKERRYD_ROLLOUT_SPEC_H
#define SKERRYD_ROLLOUT_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rollout/rollout.h"
#include "shared/error.h"
#include "skerryd/window.h"

#define ROLLOUT_SELECTOR_MAX 512

enum rollout_order { ORDER_RANDOM = 1, ORDER_ID, ORDER_ATTRIBUTE };
enum rollout_offline { OFFLINE_WAIT = 1, OFFLINE_SKIP, OFFLINE_DEADLINE };

/* Who belongs to a wave. */
struct rollout_members {
	char name[33];
	char selector[ROLLOUT_SELECTOR_MAX + 1]; /* "": all of the rollout's */
	uint32_t count, percent;                 /* 0: not given; both 0: all that are left */
	enum rollout_order order;
	char attribute[65]; /* of ORDER_ATTRIBUTE */
};

struct rollout_description {
	char name[65];
	char digest[65];                         /* of the image's payload, lower-case hex */
	char selector[ROLLOUT_SELECTOR_MAX + 1]; /* "": all of the image's board */
	struct rollout_members members[ROLLOUT_WAVES_MAX];
	struct rollout_spec spec;
	int64_t timeout_ms, retry_delay_ms, offline_after_ms;
	uint32_t retries, trial_s; /* trial_s 0: the device's default */
	enum rollout_offline offline;
	struct window download, flash;
	uint32_t approvals;
	char tenant[33]; /* whose a new one is to be, not of the JSON; "": the principal's */
};

/* From JSON. 0, or -1 with *error, which names the member. */
int rollout_spec_parse(const json_t *json, struct rollout_description *description, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* All members, a new reference. */
json_t *rollout_spec_json(const struct rollout_description *description);

#endif
