/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of skerryd's rollouts share: a database with five devices, d1 to d5, and what they and their operators do. Time is server.now_ms. */
#ifndef TESTS_FLEET_ROLLOUTS_RIG_H
#define TESTS_FLEET_ROLLOUTS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/devices.h"
#include "skerryd/jobs.h"
#include "skerryd/rollouts.h"
#include "skerryd/store_priv.h"

#define NEW    "aa112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BEFORE "bb112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LOST   "cc112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define START  1767225600000 /* 2026-01-01T00:00Z */

struct fixture {
	char dir[64], rollout[33];
	struct skerryd server;
	struct fleet_error error;
};

extern const struct principal ann, bob, stranger;

#define BY_ID "\"waves\":[{\"order\":\"id\"}]"

void group(struct fixture *f);
void commit(struct fixture *f);
void report(struct fixture *f, const char *id, const char *digest);
void online(struct fixture *f, const char *id, bool is_online);
int rig_up(void **state);
int rig_down(void **state);
void create_for(struct fixture *f, const char *image, const char *members);
void create(struct fixture *f, const char *members);
enum rollouts_outcome act(struct fixture *f, const struct principal *who, enum rollouts_verb verb);
void start(struct fixture *f, const char *members);
void pass_s(struct fixture *f, int64_t seconds);
/* The device's open job; its document. */
json_t *job_of(struct fixture *f, const char *id, char job_id[65]);
/* `step` NULL: it does not say. */
void update_step(struct fixture *f, const char *id, const char *status, const char *step);
void update(struct fixture *f, const char *id, const char *status);
void succeed(struct fixture *f, const char *id, const char *digest);
void expect_target(struct fixture *f, const char *id, enum target_state state);
void expect_state(struct fixture *f, const char *state);
size_t in_state(struct fixture *f, enum target_state state);
void expect_job(struct fixture *f, const char *id, enum job_status status);
void add_image(struct fixture *f, const char *digest);
void add_device(struct fixture *f, const char *id, const char *attributes);

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)

#endif
