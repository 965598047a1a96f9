/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of SUIT and COSE that both directions of the manifest codec use (SPEC §4, draft-ietf-suit-manifest §8, RFC 9052). */
#ifndef OTA_SUIT_H
#define OTA_SUIT_H

#include <stdint.h>

#include "cbor.h"
#include "ota/manifest.h"

enum {
	SUIT_TAG_ENVELOPE = 107,
	SUIT_ENVELOPE_AUTH = 2,
	SUIT_ENVELOPE_MANIFEST = 3,

	SUIT_MANIFEST_VERSION = 1,
	SUIT_MANIFEST_SEQUENCE = 2,
	SUIT_MANIFEST_COMMON = 3,
	SUIT_MANIFEST_VALIDATE = 7,
	SUIT_MANIFEST_INVOKE = 9,
	SUIT_MANIFEST_INSTALL = 20,

	SUIT_COMMON_COMPONENTS = 2,
	SUIT_COMMON_SEQUENCE = 4,

	SUIT_CONDITION_VENDOR = 1,
	SUIT_CONDITION_CLASS = 2,
	SUIT_CONDITION_IMAGE = 3,
	SUIT_CONDITION_DEVICE = 24,
	SUIT_DIRECTIVE_OVERRIDE = 20,
	SUIT_DIRECTIVE_FETCH = 21,
	SUIT_DIRECTIVE_INVOKE = 23,
	SUIT_POLICY_ALL = 15,  /* of a condition: report everything */
	SUIT_POLICY_FETCH = 2, /* of a directive: report failure */

	SUIT_PARAM_VENDOR = 1,
	SUIT_PARAM_CLASS = 2,
	SUIT_PARAM_DIGEST = 3,
	SUIT_PARAM_SIZE = 14,
	SUIT_PARAM_URI = 21,
	SUIT_PARAM_DEVICE = 24,
	SUIT_PARAM_VERSION = -1,
	SUIT_PARAM_CHUNK_BYTES = -2,
	SUIT_PARAM_CHUNK_DIGESTS = -3,
	SUIT_PARAM_ENCODING = -4,
	SUIT_PARAM_PRECURSOR = -5,
	SUIT_PARAM_NAME = -6,

	SUIT_ENCODING_PLAIN = 0,

	COSE_TAG_SIGN1 = 18,
	COSE_HEADER_ALG = 1,
	COSE_HEADER_KID = 4,
	COSE_ALG_SHA256 = -16,
	COSE_ALG_ES256 = -7,
	COSE_ALG_ESP256 = -9,
};

/* SUIT_Digest, [-16, digest], in a byte string; and bare, as cbor_put_wrapped() wants it. */
void suit_digest_read(struct cbor_in *in, uint8_t digest[32]);
void suit_digest_put(struct cbor_out *out, const void *digest);

/* A device id: its own characters, as a byte string. */
void suit_device_id_read(struct cbor_in *in, char out[OTA_DEVICE_ID_MAX]);

#endif
