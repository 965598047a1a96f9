/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of whole updates share: a device that runs v1 in slot a, and images for it. */
#ifndef TESTS_OTA_DEVICE_H
#define TESTS_OTA_DEVICE_H

#include "fake/fake_host.h"
#include "test.h"

extern struct fake_image v1, v2, v3, v4; /* counters 1, 2, 2, 2 */
extern struct fake_host host;

int device_images_make(void **state); /* group setup */
int device_up(void **state);
int device_down(void **state); /* and nothing was ever written to what ran */

#define DEVICE_TEST(name) cmocka_unit_test_setup_teardown(name, device_up, device_down)

void assert_runs(const struct fake_image *image, uint8_t slot);
/* The core is up, healthy and connected, and was offered `image` as job "job-1". */
void device_offer(const struct fake_image *image);

#endif
