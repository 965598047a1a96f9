/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as files: PEM, P-256 unless it is said otherwise. Every call: 0 or -1 with *error. */
#ifndef SHARED_KEY_H
#define SHARED_KEY_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdint.h>

#include "shared/error.h"

#define KEY_PEM_MAX 8192
#define KEY_DER_MAX 2048

/* The source of randomness. */
struct key_random {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context drbg;
};
int key_random_open(struct key_random *random, struct fleet_error *error) __attribute__((warn_unused_result));
void key_random_close(struct key_random *random);

/* A new key, initialised here; free it with mbedtls_pk_free(), also after a failure. */
int key_make(struct key_random *random, mbedtls_pk_context *key, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Read a private key of any kind. On success free with mbedtls_pk_free(). */
int key_load(struct key_random *random, const char *path, mbedtls_pk_context *key, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Write a private key of any kind, mode 0600. */
int key_save(mbedtls_pk_context *key, const char *path, struct fleet_error *error) __attribute__((warn_unused_result));

/* A P-256 key's public point, x‖y. */
int key_point(const mbedtls_pk_context *key, uint8_t point[64], struct fleet_error *error)
	__attribute__((warn_unused_result));
/* A public key as a file: SubjectPublicKeyInfo. */
int key_public_save(mbedtls_pk_context *key, const char *path, struct fleet_error *error)
	__attribute__((warn_unused_result));
int key_public_load(const char *path, uint8_t point[64], struct fleet_error *error) __attribute__((warn_unused_result));

/* ES256 over SHA-256 digest `hash`: r‖s. */
int key_sign(struct key_random *random, mbedtls_pk_context *key, const uint8_t hash[32], uint8_t rs[64],
	struct fleet_error *error) __attribute__((warn_unused_result));

/* The cause is mbedTLS's: `what`, and the text of `code`; -1. */
int key_fail(struct fleet_error *error, int code, const char *what);

#endif
