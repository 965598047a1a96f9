/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512U

static int image_read(struct identity *identity, const struct ota_port *port, void *ctx, struct ota_range where)
{
	uint8_t head[OTA_PROVISION_HEAD_BYTES];
	uint32_t sectors;
	int payload, error;

	if (where.sectors == 0)
		return -OTA_E_PROVISION;
	error = port->blk_read(ctx, where.lba, head, 1);
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
	error = port->blk_read(ctx, where.lba, identity->image, sectors);
	return error != 0 ? error : ota_provision_decode(identity->image, sectors * SECTOR_BYTES, &identity->provision);
}

int identity_load(struct identity *identity, const struct ota_port *port, void *ctx, struct ota_range where)
{
	int error;

	memset(identity, 0, sizeof(*identity));
	error = image_read(identity, port, ctx, where);
	if (error != 0)
		identity_free(identity);
	return error;
}

void identity_free(struct identity *identity)
{
	const struct ota_bytes *key = &identity->provision.key;

	if (identity->image && key->data)
		mbedtls_platform_zeroize(identity->image + (key->data - identity->image), key->len);
	free(identity->image);
	memset(identity, 0, sizeof(*identity));
}
