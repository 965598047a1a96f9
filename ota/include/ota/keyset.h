/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may sign what (SPEC §11): a keyset, signed by a threshold of root keys, and the bytes of it. Part of ota_format, so that
 * the operator's tools check a keyset with the very code of the device.
 *
 *   in:   ota_keyset_open → ota_keyset_verify (or ota_keyset_verify_next, against the one before)
 *   out:  ota_keyset_encode → (SHA-256) → ota_signed_to_sign → (sign, by each root) → ota_signed_encode
 */
#ifndef OTA_KEYSET_H
#define OTA_KEYSET_H

#include <stddef.h>
#include <stdint.h>

#include "ota/signed.h"
#include "ota/verdict.h"
#include "ota/verify.h"

#define OTA_KEYSET_BYTES_MAX    4096 /* of an envelope */
#define OTA_KEYSET_ROOTS_MAX    5
#define OTA_KEYSET_RELEASES_MAX 4
#define OTA_KEYSET_FLEETS_MAX   4
#define OTA_KEYSET_ROLE_MAX     5 /* the most keys that any role has */

/* The keys of one role, and how many of them have to sign. */
struct ota_role {
	uint32_t threshold; /* 1..key_count */
	size_t key_count;
	uint8_t keys[OTA_KEYSET_ROLE_MAX][OTA_KEY_BYTES]; /* x‖y, no two alike */
};

struct ota_keyset {
	uint32_t version;  /* ≥ 1 */
	uint64_t issued_s; /* unix time */
	struct ota_role root, release, fleet;
};

/*
 * Take `envelope[len]` apart and read the keyset in it. Nothing of it is trusted yet. `parts` borrows from the envelope. 0, -OTA_E_TOO_LONG,
 * -OTA_E_FORMAT or -OTA_E_UNSUPPORTED.
 */
__attribute__((warn_unused_result)) int ota_keyset_open(
	const uint8_t *envelope, size_t len, struct ota_signed *parts, struct ota_keyset *out);

/* Did a threshold of its own roots sign it? What a first keyset has to show. */
enum ota_verdict ota_keyset_verify(const struct ota_signed *parts, const struct ota_keyset *keyset);

/* Is it the version after `held`, signed by a threshold of held's roots and of its own? */
enum ota_verdict ota_keyset_verify_next(
	const struct ota_keyset *held, const struct ota_signed *parts, const struct ota_keyset *keyset);

/*
 * Encode the body wrapped in its byte string, as ota_signed_* wants it. 0, -OTA_E_ARG (a threshold, count or key out of its range; nothing
 * written) or -OTA_E_TOO_LONG.
 */
__attribute__((warn_unused_result)) int ota_keyset_encode(
	const struct ota_keyset *keyset, uint8_t *buf, size_t cap, size_t *len);

#endif
