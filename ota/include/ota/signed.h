/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed body of SPEC §11: `[bstr .cbor [bstr .cbor SUIT_Digest, + bstr .cbor COSE_Sign1], bstr body]`. What keyset and assignment share.
 * Part of ota_format. The kind is the COSE external_aad: a signature made for one kind is none for another.
 */
#ifndef OTA_SIGNED_H
#define OTA_SIGNED_H

#include <stddef.h>
#include <stdint.h>

#include "ota/manifest.h"
#include "ota/verdict.h"

#define OTA_SIGNED_SIGNATURES_MAX 10

enum ota_signed_kind { OTA_SIGNED_KEYSET, OTA_SIGNED_ASSIGNMENT };

struct ota_role;

/* Taken apart, nothing of it trusted yet. Pointers go into the envelope. */
struct ota_signed {
	enum ota_signed_kind kind;
	const uint8_t *body_bstr; /* the body in its byte string wrapping: what the digest is over */
	size_t body_bstr_len;
	const uint8_t *body;
	size_t body_len;
	uint8_t digest[32]; /* as the envelope claims it */
	struct ota_signature signatures[OTA_SIGNED_SIGNATURES_MAX];
	size_t signature_count;
};

/* Take apart. Borrowed. 0, -OTA_E_TOO_LONG (for its kind), -OTA_E_FORMAT or -OTA_E_UNSUPPORTED. */
__attribute__((warn_unused_result)) int ota_signed_open(
	enum ota_signed_kind kind, const uint8_t *envelope, size_t len, struct ota_signed *out);

/*
 * Is the digest that of the body, and did at least `role->threshold` distinct keys of `role` sign it? Signatures by other keys, and a second one
 * by the same key, count nothing.
 */
enum ota_verdict ota_signed_verify(const struct ota_signed *parts, const struct ota_role *role);

/* As ota_envelope_to_sign(), for a body of this kind: the length. */
size_t ota_signed_to_sign(enum ota_signed_kind kind, const uint8_t digest[32], const uint8_t kid[8],
	struct ota_signature *signature, uint8_t *buf);

/* Encode from body_bstr, digest and signatures. 0 or -OTA_E_TOO_LONG (longer than `cap`). */
__attribute__((warn_unused_result)) int ota_signed_encode(
	const struct ota_signed *parts, uint8_t *buf, size_t cap, size_t *len);

#endif
