/* SPDX-License-Identifier: Apache-2.0 */
#include "credential.h"

#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

#include "ota/crc32.h"
#include "ota/err.h"

#define SECTOR_BYTES 512U
#define COPY_SECTORS (CREDENTIAL_SECTORS / 2)
#define COPY_BYTES   (COPY_SECTORS * SECTOR_BYTES)
#define BODY_BYTES   (COPY_BYTES - SECTOR_BYTES)
#define FORMAT       1
#define READ_TRIES   3

static const char magic[4] = {'S', 'K', 'I', 'D'};
enum {
	FORMAT_OFF = 4,
	SEQ_OFF = 8,
	KEY_BYTES_OFF = 16,
	CERT_BYTES_OFF = 20,
	BODY_CRC_OFF = 24,
	PROVISION_OFF = 32,
	ID_OFF = 64,
	ID_BYTES = OTA_PROVISION_DEVICE_ID_MAX - 1,
	CRC_OFF = 508
};
_Static_assert(CREDENTIAL_KEY_MAX + CREDENTIAL_CERT_MAX <= BODY_BYTES, "a copy holds both");

static void le_put(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t le_get(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static uint32_t copy_lba(const struct credential_place *place, unsigned int copy)
{
	return place->where.lba + copy * COPY_SECTORS;
}

static void image_free(uint8_t *image)
{
	mbedtls_platform_zeroize(image, COPY_BYTES);
	free(image);
}

/* ---- a copy's bytes ---- */

static void copy_encode(
	const struct credential_place *place, const struct credential *credential, uint64_t seq, uint8_t *image)
{
	uint8_t *body = image + SECTOR_BYTES;

	memset(image, 0, COPY_BYTES);
	memcpy(body, credential->key, credential->key_len);
	memcpy(body + credential->key_len, credential->cert, credential->cert_len);
	memcpy(image, magic, sizeof(magic));
	le_put(image + FORMAT_OFF, FORMAT, 4);
	le_put(image + SEQ_OFF, seq, 8);
	le_put(image + KEY_BYTES_OFF, credential->key_len, 4);
	le_put(image + CERT_BYTES_OFF, credential->cert_len, 4);
	le_put(image + BODY_CRC_OFF, ota_crc32(body, BODY_BYTES), 4);
	memcpy(image + PROVISION_OFF, place->provision, sizeof(place->provision));
	memcpy(image + ID_OFF, credential->device_id, strlen(credential->device_id));
	le_put(image + CRC_OFF, ota_crc32(image, CRC_OFF), 4);
}

static bool copy_is_valid(const struct credential_place *place, const uint8_t *image)
{
	return memcmp(image, magic, sizeof(magic)) == 0 && le_get(image + FORMAT_OFF, 4) == FORMAT &&
	       le_get(image + CRC_OFF, 4) == ota_crc32(image, CRC_OFF) &&
	       le_get(image + BODY_CRC_OFF, 4) == ota_crc32(image + SECTOR_BYTES, BODY_BYTES) &&
	       le_get(image + KEY_BYTES_OFF, 4) - 1 < CREDENTIAL_KEY_MAX &&
	       le_get(image + CERT_BYTES_OFF, 4) <= CREDENTIAL_CERT_MAX &&
	       memcmp(image + PROVISION_OFF, place->provision, sizeof(place->provision)) == 0;
}

static void copy_decode(const uint8_t *image, struct credential *credential)
{
	memset(credential, 0, sizeof(*credential));
	credential->key_len = (size_t)le_get(image + KEY_BYTES_OFF, 4);
	credential->cert_len = (size_t)le_get(image + CERT_BYTES_OFF, 4);
	memcpy(credential->key, image + SECTOR_BYTES, credential->key_len);
	memcpy(credential->cert, image + SECTOR_BYTES + credential->key_len, credential->cert_len);
	memcpy(credential->device_id, image + ID_OFF, ID_BYTES);
}

/* ---- the two copies ---- */

static int copy_read(const struct credential_place *place, unsigned int copy, uint8_t *image)
{
	int error = -OTA_E_IO;

	for (int i = 0; error != 0 && i < READ_TRIES; i++)
		error = place->port->blk_read(place->ctx, copy_lba(place, copy), image, COPY_SECTORS);
	return error;
}

static int copy_write(const struct credential_place *place, unsigned int copy, const uint8_t *image, uint8_t *back)
{
	int error = place->port->blk_write(place->ctx, copy_lba(place, copy), image, COPY_SECTORS);

	if (error == 0)
		error = place->port->blk_flush(place->ctx);
	if (error == 0)
		error = copy_read(place, copy, back);
	if (error != 0)
		return error;
	return memcmp(image, back, COPY_BYTES) == 0 ? 0 : -OTA_E_READBACK;
}

/* Looks at both; the newest valid one is decoded. */
static int copies_read(struct credential_place *place, struct credential *credential, uint8_t *image)
{
	int error = -OTA_E_PROVISION;
	bool found = false, unreadable = false;

	for (unsigned int copy = 0; copy < 2; copy++) {
		int read = copy_read(place, copy, image);

		unreadable = unreadable || read != 0;
		if (read != 0 || !copy_is_valid(place, image))
			continue;
		if (found && le_get(image + SEQ_OFF, 8) <= place->seq)
			continue;
		found = true;
		place->newest = copy;
		place->seq = le_get(image + SEQ_OFF, 8);
		copy_decode(image, credential);
		error = 0;
	}
	/* The one that cannot be read may be a commit ahead. */
	place->seq += unreadable;
	/* A key must not be made anew because the disk had a bad moment. */
	return !found && unreadable ? -OTA_E_IO : error;
}

int credential_load(struct credential_place *place, struct credential *credential)
{
	uint8_t *image;
	int error;

	place->seq = 0;
	place->newest = 1;
	memset(credential, 0, sizeof(*credential));
	if (place->where.sectors < CREDENTIAL_SECTORS)
		return -OTA_E_PROVISION;
	image = malloc(COPY_BYTES);
	if (!image)
		return -OTA_E_MEMORY;
	error = copies_read(place, credential, image);
	image_free(image);
	return error;
}

int credential_save(struct credential_place *place, const struct credential *credential)
{
	unsigned int first = 1 - place->newest;
	uint8_t *image;
	int error;

	if (place->where.sectors < CREDENTIAL_SECTORS)
		return -OTA_E_PROVISION;
	if (credential->key_len - 1 >= CREDENTIAL_KEY_MAX || credential->cert_len > CREDENTIAL_CERT_MAX)
		return -OTA_E_ARG;
	image = malloc(2 * COPY_BYTES);
	if (!image)
		return -OTA_E_MEMORY;
	copy_encode(place, credential, place->seq + 1, image);
	/* The older one first: until it was read back whole, the newest is not touched. */
	error = copy_write(place, first, image, image + COPY_BYTES);
	if (error == 0)
		error = copy_write(place, 1 - first, image, image + COPY_BYTES);
	if (error == 0)
		place->seq++;
	mbedtls_platform_zeroize(image + COPY_BYTES, COPY_BYTES);
	image_free(image);
	return error;
}
