/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keysets and assignments for tests. Keys are those of fake_image.h: by default the roots 40, 41, 42 of which two have to sign, release key 0 and fleet
 * key 60. Everything aborts that cannot be encoded.
 */
#ifndef FAKE_TRUST_H
#define FAKE_TRUST_H

#include "ota/assignment.h"
#include "ota/keyset.h"

#define FAKE_ROOT    40u
#define FAKE_RELEASE 0u
#define FAKE_FLEET   60u
#define FAKE_TIME_S  1800000000u /* when the first keyset was issued */

struct fake_keyset {
	struct ota_keyset keyset; /* a test changes it and signs again */
	uint8_t envelope[OTA_KEYSET_BYTES_MAX];
	size_t len;
};

struct fake_assignment {
	struct ota_assignment says;
	uint8_t envelope[OTA_ASSIGNMENT_BYTES_MAX];
	size_t len;
};

void fake_role_make(struct ota_role *role, uint32_t threshold, const unsigned *which, size_t count);
void fake_body_sign(struct ota_signed *parts, const unsigned *which, size_t count);

/* The default keys, signed by the first two roots. */
void fake_keyset_make(struct fake_keyset *keyset, uint32_t version);
void fake_keyset_sign(struct fake_keyset *keyset, const unsigned *which, size_t count);

/* For FAKE_DEVICE_ID under keyset 1, issued `sequence` seconds after it, good for an hour. digest NULL: nothing is assigned. */
void fake_assignment_make(struct fake_assignment *assignment, const uint8_t *digest, uint64_t sequence);
void fake_assignment_sign(struct fake_assignment *assignment, const unsigned *which, size_t count);

#endif
