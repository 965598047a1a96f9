/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

struct fake_image v1, v2, v3, v4;
struct fake_host host;

int device_images_make(void **state)
{
	(void)state;
	fake_image_make(&v1, 1, 1, 30000);
	fake_image_make(&v2, 2, 2, FAKE_IMAGE_BYTES_MAX);
	fake_image_make(&v3, 2, 3, 20001);
	fake_image_make(&v4, 2, 4, 4096);
	return 0;
}

int device_up(void **state)
{
	(void)state;
	fake_host_init(&host);
	fake_host_image_add(&host, &v1, IMAGE_WELL);
	fake_host_image_add(&host, &v2, IMAGE_WELL);
	fake_host_image_add(&host, &v3, IMAGE_WELL);
	fake_host_image_add(&host, &v4, IMAGE_WELL);
	fake_boot_factory(&host.boot, &v1);
	return 0;
}

int device_down(void **state)
{
	(void)state;
	assert_int_equal(host.flash.guard_hits, 0);
	fake_host_free(&host);
	return 0;
}

void assert_runs(const struct fake_image *image, uint8_t slot)
{
	assert_memory_equal(host.running.image.digest, image->image.digest, 32);
	assert_int_equal(host.running.slot, slot);
	assert_int_equal(host.flash.guard_hits, 0);
}

void device_offer(const struct fake_image *image)
{
	assert_true(fake_host_begin(&host));
	host.link = true;
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	assert_int_equal(fake_host_offer(&host, image, "job-1"), 0);
}
