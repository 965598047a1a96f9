/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cryptography of updates: SHA-256 and ES256, a thin layer over mbedTLS's crypto library, which no other file of ota/
 * includes. Part of ota_format, so that the operator's tools check a manifest with the very code of the device.
 * No secrets pass through here: everything is public data.
 */
#ifndef OTA_VERIFY_H
#define OTA_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "ota/manifest.h"
#include "ota/verdict.h"

#define OTA_SHA256_BYTES 32
#define OTA_KEY_BYTES    64 /* P-256 public key, x‖y, big-endian */
#define OTA_KID_BYTES    8

/* A running SHA-256. The words are mbedTLS's context; no field is for the caller. */
struct ota_sha256 {
	uint64_t words[16];
};

void ota_sha256_begin(struct ota_sha256 *sha);
void ota_sha256_add(struct ota_sha256 *sha, const void *data, size_t len);
void ota_sha256_end(struct ota_sha256 *sha, uint8_t digest[OTA_SHA256_BYTES]);

/* In one go. */
void ota_sha256(const void *data, size_t len, uint8_t digest[OTA_SHA256_BYTES]);

/* Key id (SPEC §4): the first 8 bytes of SHA-256 over x‖y. */
void ota_key_id(const uint8_t key[OTA_KEY_BYTES], uint8_t kid[OTA_KID_BYTES]);

/*
 * Is `signature` (r‖s) over SHA-256 digest `hash` by `key`? A key that is not a point of the curve verifies nothing.
 */
enum ota_verdict ota_es256_verify(
	const uint8_t key[OTA_KEY_BYTES], const uint8_t hash[OTA_SHA256_BYTES], const uint8_t signature[OTA_SIG_BYTES]);

struct ota_role; /* keyset.h */

/*
 * Is the manifest in `envelope` the one its digest names, and did at least `role->threshold` distinct keys of `role` sign it?
 * Accepting says nothing about whether the manifest suits this device: that is policy.
 */
enum ota_verdict ota_envelope_verify(const struct ota_envelope *envelope, const struct ota_role *role);

#endif
