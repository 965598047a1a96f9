/* SPDX-License-Identifier: Apache-2.0 */
/* A new device's identity: key, certificate by the home's CA, provisioning blob (SPEC §7); or a blob with which it gets one itself. */
#ifndef SKERRY_IDENTITY_H
#define SKERRY_IDENTITY_H

#include "shared/file.h"
#include "shared/home.h"

struct identity {
	char cert_pem[8192];
	char key_pem[1024];          /* secret */
	uint8_t cert_digest[32];     /* SHA-256 of the certificate, DER */
	struct file_bytes provision; /* owned, secret */
};

/* Make one for device `id` on `board`. 0 or -1. Wipe and free with identity_free(), on success only. */
int identity_make(const struct home *home, const char *id, const char *board, struct identity *identity,
	struct fleet_error *error) __attribute__((warn_unused_result));
void identity_free(struct identity *identity);

/*
 * The provisioning of devices that are to claim an identity with `token`: the same for all of them. 0 or -1; free with
 * file_bytes_free().
 */
int identity_make_claim(const struct home *home, const char *board, const char *token, struct file_bytes *provision,
	struct fleet_error *error) __attribute__((warn_unused_result));

#endif
