/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include "certificate.h"

#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

#include "ota/verify.h"

#define SECTOR_BYTES 512U

static int image_read(struct identity *identity, struct ota_range where)
{
	const struct ota_port *port = identity->place.port;
	uint8_t head[OTA_PROVISION_HEAD_BYTES];
	uint32_t sectors;
	int payload, error;

	if (where.sectors == 0)
		return -OTA_E_PROVISION;
	error = port->blk_read(identity->place.ctx, where.lba, head, 1);
	if (error != 0)
		return error;
	payload = ota_provision_payload_bytes(head);
	if (payload <= 0)
		return -OTA_E_PROVISION;
	sectors = 1 + ((uint32_t)payload + SECTOR_BYTES - 1) / SECTOR_BYTES;
	if (sectors > where.sectors)
		return -OTA_E_PROVISION;
	identity->image = malloc(sectors * SECTOR_BYTES);
	if (!identity->image)
		return -OTA_E_MEMORY;
	error = port->blk_read(identity->place.ctx, where.lba, identity->image, sectors);
	if (error == 0)
		error = ota_provision_decode(identity->image, sectors * SECTOR_BYTES, &identity->provision);
	if (error == 0)
		ota_sha256(identity->image + SECTOR_BYTES, (size_t)payload, identity->place.provision);
	return error;
}

/* What is certified counts instead of what was provisioned. */
static void own_apply(struct identity *identity)
{
	struct ota_provision *provision = &identity->provision;
	const struct credential *own = identity->own;

	if (own->cert_len == 0)
		return;
	memcpy(provision->device_id, own->device_id, sizeof(provision->device_id));
	provision->key = (struct ota_bytes){own->key, own->key_len};
	provision->cert = (struct ota_bytes){own->cert, own->cert_len};
}

static int own_read(struct identity *identity)
{
	int error;

	identity->own = malloc(sizeof(*identity->own));
	if (!identity->own)
		return -OTA_E_MEMORY;
	error = credential_load(&identity->place, identity->own);
	if (error == 0) {
		own_apply(identity);
		return 0;
	}
	free(identity->own);
	identity->own = NULL;
	return error == -OTA_E_PROVISION ? 0 : error;
}

int identity_load(struct identity *identity, const struct ota_port *port, void *ctx, const struct identity_map *map)
{
	int error;

	memset(identity, 0, sizeof(*identity));
	identity->place = (struct credential_place){.port = port, .ctx = ctx, .where = map->own};
	error = image_read(identity, map->provision);
	if (error == 0 && map->own.sectors > 0)
		error = own_read(identity);
	if (error != 0)
		identity_free(identity);
	return error;
}

int identity_put(struct identity *identity, const struct credential *own)
{
	bool is_first = identity->own == NULL;
	int error;

	if (is_first)
		identity->own = calloc(1, sizeof(*identity->own));
	if (!identity->own)
		return -OTA_E_MEMORY;
	error = credential_save(&identity->place, own);
	if (error != 0 && is_first) {
		free(identity->own);
		identity->own = NULL;
	}
	if (error != 0)
		return error;
	*identity->own = *own;
	own_apply(identity);
	return 0;
}

bool identity_is_to_claim(const struct identity *identity, uint64_t now_s)
{
	const struct ota_provision *provision = &identity->provision;
	uint64_t from_s, to_s;

	if (provision->cert.len == 0)
		return true;
	return provision->claim_url[0] != '\0' && certificate_times(provision->cert, &from_s, &to_s) == 0 &&
	       now_s >= to_s;
}

void identity_free(struct identity *identity)
{
	const struct ota_bytes *key = &identity->provision.key;

	/* The key is in one of them. */
	if (identity->own)
		mbedtls_platform_zeroize(identity->own, sizeof(*identity->own));
	else if (identity->image && key->data)
		mbedtls_platform_zeroize(identity->image + (key->data - identity->image), key->len);
	free(identity->own);
	free(identity->image);
	memset(identity, 0, sizeof(*identity));
}
