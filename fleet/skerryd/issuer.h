/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certifies devices, with the key in server/issuer.key. Its certificate counts for the broker's clients and for nothing else: devices do
 * not trust it, so who steals the key can speak to the broker as any device, but be no server to one.
 */
#ifndef SKERRYD_ISSUER_H
#define SKERRYD_ISSUER_H

#include <mbedtls/x509_csr.h>
#include <stdbool.h>

#include "shared/home.h"
#include "shared/key.h"
#include "skerryd/store.h"

struct issuer {
	bool present; /* the home has one; else nobody can be certified */
	struct key_random random;
	mbedtls_pk_context key;
	char name[64];
};

/* Read key and certificate. 0, also when there are none; -1: they are there and cannot be used. Close with issuer_close() in any case. */
int issuer_open(struct issuer *issuer, const struct home *home, struct fleet_error *error)
	__attribute__((warn_unused_result));
void issuer_close(struct issuer *issuer);

/*
 * Read a request (PKCS #10, DER) from anybody: nothing may follow it, its key must be P-256 and its signature by that key. Its name and
 * extensions are not looked at. `key_digest`: SHA-256 of the key's SubjectPublicKeyInfo, hex. 0 or -1. Free with mbedtls_x509_csr_free(), on
 * success only.
 */
int issuer_read_request(const uint8_t *der, size_t len, mbedtls_x509_csr *request, char key_digest[65],
	struct fleet_error *error) __attribute__((warn_unused_result));

struct issuer_order {
	mbedtls_x509_csr *request; /* whose key is certified */
	const char *id;            /* of the device */
	uint64_t valid_s;
};
/* 0 or -1. */
int issuer_certify(struct issuer *issuer, const struct issuer_order *order, struct store_certificate *certificate,
	struct fleet_error *error) __attribute__((warn_unused_result));

#endif
