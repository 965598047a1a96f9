/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust (SPEC §11), the server's side: it keeps all keysets and brings each to the devices in order; and it signs, with the fleet keys at hand, what each
 * device is assigned. It decides nothing by that which a device would not check.
 */
#ifndef SKERRYD_TRUST_H
#define SKERRYD_TRUST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/signers.h"
#include "skerryd/principal.h"
#include "skerryd/store.h"

struct skerryd;

struct trust {
	struct ota_keyset newest; /* version 0: there is none */
	struct signers *fleet;    /* the fleet keys at hand, of server/fleet-N.key */
};

/* Load what is there; take up server/first.keyset if there is none. 0 or -1 with *error. Close with trust_stop(), also after a failure. */
int trust_start(struct skerryd *server, struct fleet_error *error) STORE_CHECK;
void trust_stop(struct trust *trust);
/* Are enough fleet keys of the newest keyset at hand? */
bool trust_can_sign(struct trust *trust);
/* Why not, and what to do. -1. */
int trust_cannot_sign(struct trust *trust, struct fleet_error *error);

enum trust_outcome {
	TRUST_TAKEN = 1,
	TRUST_KNOWN,   /* it is there already */
	TRUST_REFUSED, /* not a keyset, or not signed as it has to be */
	TRUST_CONFLICT /* another version is due, or fleet keys are missing */,
	TRUST_FAILED, /* the database */
};
/*
 * Take the keyset bytes[len] as the one after the newest, a group of its own; the fleet keys are read again. Devices that are online are told to ask.
 * `who` gave it, which is written down for the audit; NULL: nobody did. REFUSED and CONFLICT: *error says why.
 */
enum trust_outcome trust_take(struct skerryd *server, const uint8_t *bytes, size_t len, const struct principal *who,
	struct fleet_error *error);

/* Send the device what is newer than `version`, in order. Inside a group. 0 or -1. */
int trust_send_newer(struct skerryd *server, const char *device, int64_t version) STORE_CHECK;
/*
 * The assignment of `digest` (hex; "" = nothing is assigned) to the device, base64url, a new string in *text; `nonce`, if it is of a nonce's length, goes
 * into it (NULL: none). Inside a group. 0; STORE_NONE: it cannot be signed now, which is noted; -1: the database.
 */
struct trust_word {
	const char *device, *digest, *nonce;
};
int trust_assign(struct skerryd *server, const struct trust_word *word, char **text) STORE_CHECK;

#endif
