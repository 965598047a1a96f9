/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of the fleet: its CA, the servers', the devices'; and the boot key, RSA-2048: what U-Boot verifies with. Every call: 0 or -1 with *error. */
#ifndef SHARED_PKI_H
#define SHARED_PKI_H

#include "shared/key.h"

#define PKI_NAMES_MAX 16

/* As key_make(). */
int pki_key_rsa2048(struct key_random *random, mbedtls_pk_context *key, struct fleet_error *error)
	__attribute__((warn_unused_result));

enum pki_role { PKI_CA, PKI_SERVER, PKI_DEVICE, PKI_BOOT };

/* What a certificate is to say. CA and BOOT are self-signed: issuer NULL. */
struct pki_request {
	enum pki_role role;
	const char *name;        /* common name */
	mbedtls_pk_context *key; /* of the subject */
	const char *issuer;      /* common name of the CA */
	mbedtls_pk_context *issuer_key;
	const char *names[PKI_NAMES_MAX]; /* SERVER: host names and IPv4 addresses it answers to */
	size_t name_count;
	uint64_t valid_s; /* from now; 0: 20 years */
};
/* Make the certificate, PEM, NUL-terminated. Valid from yesterday on, for clocks that differ. */
int pki_certify(struct key_random *random, const struct pki_request *request, char pem[KEY_PEM_MAX],
	struct fleet_error *error) __attribute__((warn_unused_result));

#endif
