/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of trust share: a device that is told keysets and assignments. */
#ifndef TESTS_OTA_TOLD_H
#define TESTS_OTA_TOLD_H

#include "core.h"
#include "device.h"

#define NONCE_BYTES 11
extern const uint8_t nonce[NONCE_BYTES];
extern struct fake_keyset second; /* the default keys again, as version 2; a test may change it */

int trust_setup(void **state); /* of the group */
int second_down(void **state); /* device_down(), and `second` as it was */

/* The core is up, healthy and connected, nothing was assigned yet. */
void begin(void);
int keyset_give(const struct fake_keyset *keyset);
int idle_give(const struct fake_assignment *assignment);
/* Nothing is assigned, in answer to our request. */
void idle_make(struct fake_assignment *assignment, uint32_t keyset_version, uint64_t sequence);
int idle_at(uint32_t keyset_version, uint64_t sequence);

#define TRUST_TEST(name) cmocka_unit_test_setup_teardown(name, device_up, second_down)

#endif
