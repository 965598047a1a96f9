/* SPDX-License-Identifier: Apache-2.0 */
/* May this image be installed on this device? The manifest's signature was accepted before. */
#include <string.h>

#include "core.h"

static bool device_matches(const struct ota_config *config, const struct ota_manifest *manifest)
{
	return manifest->device_id[0] == '\0' || strcmp(manifest->device_id, config->device_id) == 0;
}

/* The last sector of a slot is the confirm mark's. */
static bool size_fits(const struct ota_range *slot, const struct ota_manifest *manifest)
{
	return slot->sectors > 0 && manifest->image_bytes <= ((uint64_t)slot->sectors - 1) * SECTOR_BYTES;
}

static bool digest_is(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, OTA_SHA256_BYTES) == 0;
}

/*
 * Who it is for, before what it is: an image for another board is refused as that, whatever else is wrong with it.
 * The image that runs already needs no room and no floor, so it is recognised before those.
 */
int policy_check(const struct ota_config *config, const struct ota_bootrec *record, const struct ota_manifest *manifest,
	bool retry)
{
	if (config->running_slot >= OTA_BOOTREC_SLOTS)
		return -OTA_E_NO_SLOTS;
	if (memcmp(manifest->vendor_id, config->vendor_id, sizeof(config->vendor_id)) != 0)
		return -OTA_E_VENDOR;
	if (memcmp(manifest->class_id, config->class_id, sizeof(config->class_id)) != 0)
		return -OTA_E_CLASS;
	if (!device_matches(config, manifest))
		return -OTA_E_DEVICE;
	if (digest_is(manifest->digest, config->running.digest))
		return -OTA_E_SAME;
	if (manifest->counter < record->min_counter)
		return -OTA_E_COUNTER;
	if (!size_fits(&config->slot[1 - config->running_slot], manifest))
		return -OTA_E_SIZE;
	if (manifest->has_precursor && !digest_is(manifest->precursor, config->running.digest))
		return -OTA_E_PRECURSOR;
	if (!retry && ota_bootrec_has_failed(record, manifest->digest))
		return -OTA_E_FAILED_BEFORE;
	return 0;
}
