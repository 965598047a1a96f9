/* SPDX-License-Identifier: Apache-2.0 */
/* Who the device is: the provisioning partition (SPEC §7), read once at start. Holds the private key: never logged, never sent. */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "ota/ota.h"
#include "ota/provision.h"

struct identity {
	uint8_t *image; /* malloc'ed; the provision's byte strings point into it */
	struct ota_provision provision;
};

/*
 * Read the identity from the flash map's range `where` through port->blk_read. 0, -OTA_E_PROVISION (no range, not
 * written, damaged, or longer than the range), -OTA_E_IO, -OTA_E_MEMORY; then *identity holds nothing.
 */
__attribute__((warn_unused_result)) int identity_load(
	struct identity *identity, const struct ota_port *port, void *ctx, struct ota_range where);

/* Wipes the key. Harmless when nothing was loaded. */
void identity_free(struct identity *identity);

#endif
