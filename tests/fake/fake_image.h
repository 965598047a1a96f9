/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images and signed manifests for tests. An image is a header (magic, size, counter, version) and noise; the fake boot
 * loader takes every image made here for rightly signed, and nothing else.
 */
#ifndef FAKE_IMAGE_H
#define FAKE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "ota/bootrec.h"
#include "ota/manifest.h"

#define FAKE_IMAGE_BYTES_MAX (40 * 1024)
#define FAKE_CHUNK_BYTES     4096

struct fake_image {
	uint8_t data[FAKE_IMAGE_BYTES_MAX];
	struct ota_image image;
	uint8_t chunk_digests[FAKE_IMAGE_BYTES_MAX / FAKE_CHUNK_BYTES * 32];
	struct ota_manifest manifest; /* of this image; a test changes it and signs again */
	uint8_t envelope[OTA_MANIFEST_BYTES_MAX];
	size_t envelope_len;
};

extern const uint8_t fake_vendor_id[16], fake_class_id[16];
#define FAKE_DEVICE_ID "dev-1"

/* A P-256 key pair, the same in each run; `which` 0 is the release key of fake_config(), others are foreign. */
void fake_key_public(unsigned which, uint8_t key[64]);
void fake_key_sign(unsigned which, const uint8_t *data, size_t len, uint8_t signature[64]);

void fake_image_make(struct fake_image *image, uint32_t counter, uint32_t patch, uint32_t bytes);
/* Encode image->manifest and sign it. Aborts if it cannot be encoded. */
void fake_image_sign(struct fake_image *image, unsigned key);

#endif
