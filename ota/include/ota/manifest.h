/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The update manifest's bytes (SPEC §4): a SUIT envelope, draft-ietf-suit-manifest, strict subset. Two steps on the way
 * in, with the signature check (verify.h) between them, so that no section is parsed before it is authentic:
 *
 *   ota_envelope_open → ota_envelope_verify → ota_manifest_parse
 *
 * and three on the way out, for the operator's tools:
 *
 *   ota_manifest_encode → (SHA-256) → ota_envelope_to_sign → (sign) → ota_envelope_encode
 *
 * Part of ota_format. Nothing is copied on the way in: pointers go into the caller's envelope, which must outlive them.
 */
#ifndef OTA_MANIFEST_H
#define OTA_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTA_MANIFEST_BYTES_MAX  16384 /* of an envelope */
#define OTA_SIG_BYTES           64    /* r‖s */
#define OTA_SIGNATURES_MAX      4
#define OTA_PROTECTED_MAX       24  /* encoded protected header: alg and kid */
#define OTA_SIG_STRUCTURE_MAX   96  /* encoded COSE Sig_structure */
#define OTA_NAME_MAX            33  /* with NUL */
#define OTA_DEVICE_ID_MAX       65  /* with NUL */
#define OTA_URI_MAX             256 /* with NUL */
#define OTA_MANIFEST_CHUNK_MIN  4096
#define OTA_MANIFEST_CHUNK_MAX  65536
#define OTA_MANIFEST_CHUNKS_MAX 480 /* whose digests an envelope has room for: 30 MiB in chunks of 64 KiB */

/* One signature of an envelope. */
struct ota_signature {
	uint8_t protected_header[OTA_PROTECTED_MAX]; /* as signed */
	size_t protected_len;
	bool has_kid;
	uint8_t kid[8];
	uint8_t rs[OTA_SIG_BYTES];
};

/* An envelope taken apart, nothing of it trusted yet. */
struct ota_envelope {
	const uint8_t *manifest_bstr; /* the manifest in its byte string wrapping: what the digest is over */
	size_t manifest_bstr_len;
	const uint8_t *manifest; /* the same without the wrapping: for ota_manifest_parse() */
	size_t manifest_len;
	uint8_t digest[32]; /* as the envelope claims it */
	struct ota_signature signatures[OTA_SIGNATURES_MAX];
	size_t signature_count; /* may be 0: well-formed, never accepted */
};

/* What a manifest says. */
struct ota_manifest {
	uint32_t counter; /* security counter = SUIT sequence number */
	uint8_t vendor_id[16], class_id[16];
	uint8_t digest[32];           /* SHA-256 of the payload */
	uint32_t image_bytes;         /* of the payload, > 0 */
	uint32_t version[3];          /* major and minor ≤ 65535, patch */
	uint32_t chunk_bytes;         /* a power of two, 4096..65536 */
	const uint8_t *chunk_digests; /* chunk_count × 32; borrowed */
	uint32_t chunk_count;         /* = ceil(image_bytes / chunk_bytes) */
	bool has_precursor;
	uint8_t precursor[32];             /* digest of the only image that may be running */
	char name[OTA_NAME_MAX];           /* of the app; "" = not given */
	char device_id[OTA_DEVICE_ID_MAX]; /* the only device it is for; "" = any */
	char uri[OTA_URI_MAX];             /* the payload's file name, a hint */
};

/*
 * Take `envelope[len]` apart. Borrowed. 0, -OTA_E_MANIFEST_SIZE, -OTA_E_FORMAT (not deterministic CBOR of the right
 * shape) or -OTA_E_UNSUPPORTED (well-formed, but with members, algorithms or more signatures than the subset has).
 */
__attribute__((warn_unused_result)) int ota_envelope_open(
	const uint8_t *envelope, size_t len, struct ota_envelope *out);

/*
 * Read the manifest proper, all of it: 0 means that every byte was understood. Limits and mutual consistency (chunk
 * count against size) are checked here. Borrowed. 0, -OTA_E_FORMAT or -OTA_E_UNSUPPORTED.
 */
__attribute__((warn_unused_result)) int ota_manifest_parse(
	const uint8_t *manifest, size_t len, struct ota_manifest *out);

/* Bytes of chunk `index`: chunk_bytes, the last may be shorter. index < chunk_count. */
uint32_t ota_manifest_chunk_len(const struct ota_manifest *manifest, uint32_t index);

/*
 * Encode `manifest` wrapped in its byte string: the SHA-256 of exactly buf[0..*len) is the envelope's digest.
 * 0, -OTA_E_ARG (a member out of its range; nothing written) or -OTA_E_MANIFEST_SIZE (`cap` too small).
 */
__attribute__((warn_unused_result)) int ota_manifest_encode(
	const struct ota_manifest *manifest, uint8_t *buf, size_t cap, size_t *len);

/*
 * The bytes that an ES256 signature is over (COSE Sig_structure, RFC 9052 §4.4), for manifest digest `digest` and key id
 * `kid`, or NULL: no kid. Sign SHA-256 of buf[0..*len). `buf` has at least OTA_SIG_STRUCTURE_MAX bytes. Also fills in
 * `signature`'s protected header and kid; its rs is left for the signer.
 */
void ota_envelope_to_sign(
	const uint8_t digest[32], const uint8_t kid[8], struct ota_signature *signature, uint8_t *buf, size_t *len);

/* The same bytes for a signature as it stands in an envelope. */
void ota_envelope_signed_bytes(
	const uint8_t digest[32], const struct ota_signature *signature, uint8_t *buf, size_t *len);

/*
 * Encode the envelope from its parts: manifest_bstr, digest and signatures of `envelope` (`manifest` is not looked at), none of which
 * may be in `buf`.
 * 0 or -OTA_E_MANIFEST_SIZE (longer than `cap` or than OTA_MANIFEST_BYTES_MAX).
 */
__attribute__((warn_unused_result)) int ota_envelope_encode(
	const struct ota_envelope *envelope, uint8_t *buf, size_t cap, size_t *len);

#endif
