/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "core.h"

static struct ota_config config;
static struct ota_bootrec record;
static struct ota_manifest manifest;

/* A device in slot a, floor 5, slot b of 101 sectors; an image that it may install. */
static int device_up(void **state)
{
	(void)state;
	memset(&config, 0, sizeof(config));
	memset(config.vendor_id, 1, 16);
	memset(config.class_id, 2, 16);
	config.device_id = "dev-1";
	config.running_slot = OTA_SLOT_A;
	config.slot[0] = (struct ota_range){100, 50};
	config.slot[1] = (struct ota_range){200, 101};
	memset(config.running.digest, 0x11, 32);
	ota_bootrec_init(&record);
	record.min_counter = 5;
	memset(&manifest, 0, sizeof(manifest));
	memset(manifest.vendor_id, 1, 16);
	memset(manifest.class_id, 2, 16);
	memset(manifest.digest, 0x22, 32);
	manifest.counter = 5;
	manifest.image_bytes = 51200;
	return 0;
}

static int check(void)
{
	return policy_check(&config, &record, &manifest, false);
}

static void suitable_image_is_taken(void **state)
{
	(void)state;
	assert_int_equal(check(), 0);
	strcpy(manifest.device_id, "dev-1");
	manifest.has_precursor = true;
	memset(manifest.precursor, 0x11, 32);
	assert_int_equal(check(), 0);
}

static void image_for_others_is_refused_as_that(void **state)
{
	(void)state;
	manifest.counter = 0; /* and old besides */
	strcpy(manifest.device_id, "dev-10");
	assert_int_equal(check(), -OTA_E_DEVICE);
	manifest.class_id[15] ^= 1;
	assert_int_equal(check(), -OTA_E_CLASS);
	manifest.vendor_id[0] ^= 1;
	assert_int_equal(check(), -OTA_E_VENDOR);
}

static void counter_below_the_floor_is_refused(void **state)
{
	(void)state;
	manifest.counter = 4;
	assert_int_equal(check(), -OTA_E_COUNTER);
	record.min_counter = UINT32_MAX;
	manifest.counter = UINT32_MAX - 1;
	assert_int_equal(check(), -OTA_E_COUNTER);
	manifest.counter = UINT32_MAX;
	assert_int_equal(check(), 0);
}

static void image_leaves_room_for_the_confirm_mark(void **state)
{
	(void)state;
	manifest.image_bytes = 100 * 512;
	assert_int_equal(check(), 0);
	manifest.image_bytes = 100 * 512 + 1;
	assert_int_equal(check(), -OTA_E_SIZE);
	manifest.image_bytes = UINT32_MAX;
	assert_int_equal(check(), -OTA_E_SIZE);
	config.slot[1].sectors = 0;
	manifest.image_bytes = 1;
	assert_int_equal(check(), -OTA_E_SIZE);
	/* The slot that counts is the one that does not run. */
	config.slot[1].sectors = 101;
	config.running_slot = OTA_SLOT_B;
	manifest.image_bytes = 50 * 512;
	assert_int_equal(check(), -OTA_E_SIZE);
}

static void other_precursor_is_refused(void **state)
{
	(void)state;
	manifest.has_precursor = true;
	assert_int_equal(check(), -OTA_E_PRECURSOR);
}

static void image_that_runs_is_recognised_below_the_floor_too(void **state)
{
	(void)state;
	memset(manifest.digest, 0x11, 32);
	manifest.counter = 1;
	assert_int_equal(check(), -OTA_E_SAME);
}

static void image_that_failed_is_refused_without_retry(void **state)
{
	(void)state;
	memset(record.failed[3].digest, 0x22, 32);
	assert_int_equal(check(), -OTA_E_FAILED_BEFORE);
	assert_int_equal(policy_check(&config, &record, &manifest, true), 0);
	/* Retry is for failed images, not for old ones. */
	manifest.counter = 0;
	assert_int_equal(policy_check(&config, &record, &manifest, true), -OTA_E_COUNTER);
}

static void device_without_slots_takes_nothing(void **state)
{
	(void)state;
	config.running_slot = OTA_SLOT_NONE;
	assert_int_equal(check(), -OTA_E_NO_SLOTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(suitable_image_is_taken, device_up),
		cmocka_unit_test_setup(image_for_others_is_refused_as_that, device_up),
		cmocka_unit_test_setup(counter_below_the_floor_is_refused, device_up),
		cmocka_unit_test_setup(image_leaves_room_for_the_confirm_mark, device_up),
		cmocka_unit_test_setup(other_precursor_is_refused, device_up),
		cmocka_unit_test_setup(image_that_runs_is_recognised_below_the_floor_too, device_up),
		cmocka_unit_test_setup(image_that_failed_is_refused_without_retry, device_up),
		cmocka_unit_test_setup(device_without_slots_takes_nothing, device_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
