/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's own key and certificate on flash (SPEC §13): made on the device when it claims an identity, and replaced when
 * the certificate is renewed. Two copies; a power cut leaves the old one or the new one, whole. Secret: never logged.
 */
#ifndef AGENT_CREDENTIAL_H
#define AGENT_CREDENTIAL_H

#include "ota/ota.h"
#include "ota/provision.h"

#define CREDENTIAL_KEY_MAX  160
#define CREDENTIAL_CERT_MAX 2048
#define CREDENTIAL_SECTORS  16 /* of the range */

struct credential {
	char device_id[OTA_PROVISION_DEVICE_ID_MAX]; /* "" as long as there is no certificate */
	uint8_t key[CREDENTIAL_KEY_MAX];             /* P-256, DER (SEC1) */
	uint8_t cert[CREDENTIAL_CERT_MAX];           /* DER */
	size_t key_len, cert_len;                    /* cert_len 0: not certified yet */
};

/* Where it is, and to which provisioning it belongs: with another one it does not count. */
struct credential_place {
	const struct ota_port *port;
	void *ctx;
	struct ota_range where;
	uint8_t provision[32]; /* SHA-256 of the provisioning's payload */
	/* credential.c's own: of the newest copy */
	uint64_t seq;
	unsigned int newest;
};

/*
 * Read the newest valid copy. 0; -OTA_E_PROVISION: there is none, or the range is too small; -OTA_E_IO: there may be one
 * that could not be read, retry; -OTA_E_MEMORY.
 */
__attribute__((warn_unused_result)) int credential_load(struct credential_place *place, struct credential *credential);

/*
 * Replace it; durable on return. After credential_load() of the same place. 0; -OTA_E_IO, -OTA_E_READBACK, then the old or
 * the new one is on flash; -OTA_E_ARG: a length out of its range; -OTA_E_PROVISION, -OTA_E_MEMORY as above.
 */
__attribute__((warn_unused_result)) int credential_save(
	struct credential_place *place, const struct credential *credential);

#endif
