/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that a seed repeats, and random rollouts for the property tests of skerryd. */
#ifndef TESTS_FLEET_PROP_DESCRIPTION_H
#define TESTS_FLEET_PROP_DESCRIPTION_H

#include <stdint.h>

#include <jansson.h>

/* 0 to below - 1; below 0: 0. *random is not 0. */
uint32_t prop_draw(uint64_t *random, uint32_t below);

/* A rollout of `image` as it is posted, and how often a device of it may be tried again. A new reference. */
json_t *prop_description(uint64_t *random, const char *image, uint32_t *retries);

#endif
