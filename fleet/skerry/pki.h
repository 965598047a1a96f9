/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates of the fleet: its CA, the servers', the devices', the release key and the boot key. All P-256 but the boot key (RSA-2048, what
 * U-Boot verifies with). Every call: 0 or -1 with *error.
 */
#ifndef SKERRY_PKI_H
#define SKERRY_PKI_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdint.h>

#include "shared/error.h"

#define PKI_PEM_MAX   8192
#define PKI_DER_MAX   2048
#define PKI_NAMES_MAX 16

/* The source of randomness. */
struct pki {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
};
int pki_open(struct pki *pki, struct fleet_error *error) __attribute__((warn_unused_result));
void pki_close(struct pki *pki);

/* New keys. `key` is initialised here; free it with mbedtls_pk_free(), also after a failure. */
int pki_key_p256(struct pki *pki, mbedtls_pk_context *key, struct fleet_error *error)
	__attribute__((warn_unused_result));
int pki_key_rsa2048(struct pki *pki, mbedtls_pk_context *key, struct fleet_error *error)
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
};
/* Make the certificate, PEM, NUL-terminated. Valid from yesterday (for clocks that differ) for 20 years. */
int pki_certify(struct pki *pki, const struct pki_request *request, char pem[PKI_PEM_MAX], struct fleet_error *error)
	__attribute__((warn_unused_result));

/* Read a private key, PEM file. On success free with mbedtls_pk_free(). */
int pki_key_load(struct pki *pki, const char *path, mbedtls_pk_context *key, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Write the private key as a PEM file, mode 0600. */
int pki_key_save(mbedtls_pk_context *key, const char *path, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* A P-256 key's public point, x‖y. */
int pki_public_point(const mbedtls_pk_context *key, uint8_t point[64], struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Release public keys are kept as SubjectPublicKeyInfo, PEM. */
int pki_public_save(mbedtls_pk_context *key, const char *path, struct fleet_error *error)
	__attribute__((warn_unused_result));
int pki_public_load(const char *path, uint8_t point[64], struct fleet_error *error) __attribute__((warn_unused_result));

/* ES256 over SHA-256 digest `hash`: r‖s. */
int pki_sign(struct pki *pki, mbedtls_pk_context *key, const uint8_t hash[32], uint8_t rs[64],
	struct fleet_error *error) __attribute__((warn_unused_result));

#endif
