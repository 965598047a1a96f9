/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What manifest, keyset and assignment share (SPEC §4, §11): a list of a SUIT_Digest and COSE_Sign1 signatures over it, ES256, payload detached
 * (RFC 9052 §4.4). `aad` is the Sig_structure's external_aad: what keeps one kind of signature from being taken for another. "" = a manifest's.
 */
#ifndef OTA_COSE_H
#define OTA_COSE_H

#include "cbor.h"
#include "ota/keyset.h"
#include "ota/manifest.h"

/* The list, to be written or verified. */
struct cose_auth {
	const char *aad;
	const uint8_t *digest; /* 32 bytes */
	const struct ota_signature *signatures;
	size_t count;
};

/* The list in its byte string: how many signatures it has, at most `max`. */
size_t cose_auth_read(struct cbor_in *in, uint8_t digest[32], struct ota_signature *signatures, size_t max);
/* Bare, as cbor_put_wrapped() wants it. */
void cose_auth_put(struct cbor_out *out, const void *auth);

/* The bytes that `signature` is over, and their number. `buf` has OTA_SIG_STRUCTURE_MAX bytes. */
size_t cose_signed_bytes(
	const char *aad, const uint8_t digest[32], const struct ota_signature *signature, uint8_t *buf);
/* The same for a signature to be made: fills in its protected header and kid (NULL: none). */
size_t cose_to_sign(
	const char *aad, const uint8_t digest[32], const uint8_t kid[8], struct ota_signature *signature, uint8_t *buf);

/* Is the digest that of bstr[len], and did at least `role->threshold` distinct keys of `role` sign it? */
enum ota_verdict cose_verify(
	const struct cose_auth *auth, const uint8_t *bstr, size_t len, const struct ota_role *role);

#endif
