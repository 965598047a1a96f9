/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the device is: the provisioning partition (SPEC §7), read once at start, and the key and certificate that the device
 * got later (SPEC §13), which count instead of those. Holds the private key: never logged, never sent.
 */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "credential.h"
#include "ota/ota.h"
#include "ota/provision.h"

struct identity {
	uint8_t *image;                 /* malloc'ed; the provision's byte strings point into it … */
	struct credential *own;         /* … or into this, malloc'ed; NULL: the device has got none */
	struct credential_place place;  /* of `own` */
	struct ota_provision provision; /* device_id "", key and cert empty: not claimed yet */
};

/* Where things are. */
struct identity_map {
	struct ota_range provision, own; /* own: no sectors, none can be kept */
};

/*
 * Read the identity through port->blk_read. 0, -OTA_E_PROVISION (no range, not written, damaged, or longer than the range),
 * -OTA_E_IO, -OTA_E_MEMORY; then *identity holds nothing.
 */
__attribute__((warn_unused_result)) int identity_load(
	struct identity *identity, const struct ota_port *port, void *ctx, const struct identity_map *map);

/*
 * Keep this key and certificate from now on: on flash, then in `provision`. Connections that were made with what was there
 * before must be gone. Errors as credential_save(); then *identity is as it was.
 */
__attribute__((warn_unused_result)) int identity_put(struct identity *identity, const struct credential *own);

/*
 * Has it to be claimed: there is no certificate, or the one that was got has expired at `now_s` (unix seconds, at least so late), so that the broker
 * would not take it and it cannot be renewed.
 */
bool identity_is_to_claim(const struct identity *identity, uint64_t now_s);

/* Wipes the key. Harmless when nothing was loaded. */
void identity_free(struct identity *identity);

#endif
