/* SPDX-License-Identifier: Apache-2.0 */
/* What a device needs to get a certificate: a key of its own, the request (PKCS #10, RFC 2986) that proves it, a look at the answer. */
#ifndef AGENT_CERTIFICATE_H
#define AGENT_CERTIFICATE_H

#include "credential.h"

#define CERTIFICATE_REQUEST_MAX 512

/*
 * All calls need the generator behind TLS: after tls_context_init(). A new P-256 key, DER (SEC1), into the credential, which has no
 * certificate then. 0, -OTA_E_ENTROPY (no random numbers: no key), -OTA_E_MEMORY.
 */
__attribute__((warn_unused_result)) int certificate_key_make(struct credential *credential);

/* The request for the key key[len], with common name `name`, signed by it, DER, into out[cap]. Its length, or -OTA_E_TLS_KEY, -OTA_E_TOO_LONG. */
__attribute__((warn_unused_result)) int certificate_request(
	struct ota_bytes key, const char *name, uint8_t *out, size_t cap);

/*
 * Look at a certificate, DER: it must be for this key, and its only common name is the device id, which goes into `device_id`.
 * 0, -OTA_E_FORMAT (not one, or its name is no device id), -OTA_E_TLS_KEY (another key's).
 */
__attribute__((warn_unused_result)) int certificate_check(
	struct ota_bytes cert, struct ota_bytes key, char device_id[OTA_PROVISION_DEVICE_ID_MAX]);

/* From when to when it holds, unix seconds. 0 or -OTA_E_FORMAT. */
__attribute__((warn_unused_result)) int certificate_times(struct ota_bytes cert, uint64_t *from_s, uint64_t *to_s);

#endif
