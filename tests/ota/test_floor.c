/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of security counters follows what the boot loader verified, never what a manifest said beside it. */
#include "device.h"

static void floor_is_the_running_image_own_counter(void **state)
{
	(void)state;
	/* Signed by mistake: the manifest's sequence number is above the counter inside the image. */
	v2.manifest.counter = 9;
	fake_image_sign(&v2, 0);
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, v2.image.counter);
	/* A floor of 9 would shut the confirmed image out, and every other. */
	assert_true(fake_host_begin(&host));
	assert_runs(&v2, OTA_SLOT_B);
	assert_int_equal(host.running.mode, OTA_MODE_NORMAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(floor_is_the_running_image_own_counter),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
