/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/sign.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>

#define NUMBER_BYTES 32 /* of P-256: coordinates, the secret, r and s */

/* Takes up a key of mbedTLS's; the copy of its secret is gone when this returns. */
static int import(const mbedtls_pk_context *key, gnutls_privkey_t out, struct fleet_error *error)
{
	uint8_t point[2 * NUMBER_BYTES], secret[NUMBER_BYTES];
	const gnutls_datum_t x = {point, NUMBER_BYTES}, y = {point + NUMBER_BYTES, NUMBER_BYTES},
			     k = {secret, NUMBER_BYTES};
	if (key_point(key, point, error) < 0)
		return -1;
	int rc = mbedtls_ecp_write_key(mbedtls_pk_ec(*key), secret, sizeof secret);
	if (rc)
		rc = key_fail(error, rc, "cannot read the key");
	else if ((rc = gnutls_privkey_import_ecc_raw(out, GNUTLS_ECC_CURVE_SECP256R1, &x, &y, &k)) < 0)
		rc = fleet_fail(error, NULL, "cannot use the key: %s", gnutls_strerror(rc));
	explicit_bzero(secret, sizeof secret);
	return rc;
}

/* A number as GnuTLS gives it, with a zero before it or without those it begins with, in its full length. */
static bool put_number(const gnutls_datum_t *number, uint8_t out[NUMBER_BYTES])
{
	const uint8_t *from = number->data;
	size_t len = number->size;
	for (; len > NUMBER_BYTES && *from == 0; len--)
		from++;
	if (len > NUMBER_BYTES)
		return false;
	memset(out, 0, NUMBER_BYTES - len);
	memcpy(out + NUMBER_BYTES - len, from, len);
	return true;
}

static int sign(gnutls_privkey_t key, const uint8_t hash[32], uint8_t rs[64], struct fleet_error *error)
{
	uint8_t copy[32];
	const gnutls_datum_t digest = {copy, sizeof copy};
	gnutls_datum_t der, r, s;
	memcpy(copy, hash, sizeof copy);
	int rc = gnutls_privkey_sign_hash2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &digest, &der);
	if (rc < 0)
		return fleet_fail(error, NULL, "cannot sign: %s", gnutls_strerror(rc));
	rc = gnutls_decode_rs_value(&der, &r, &s);
	gnutls_free(der.data);
	if (rc < 0)
		return fleet_fail(error, NULL, "cannot sign: %s", gnutls_strerror(rc));
	bool whole = put_number(&r, rs) && put_number(&s, rs + NUMBER_BYTES);
	gnutls_free(r.data);
	gnutls_free(s.data);
	return whole ? 0 : fleet_fail(error, NULL, "cannot sign: a number is too long");
}

int sign_quickly(struct key_random *random, mbedtls_pk_context *key, const uint8_t hash[32], uint8_t rs[64],
	struct fleet_error *error)
{
	gnutls_privkey_t quick;
	(void)random; /* GnuTLS has its own */
	if (gnutls_privkey_init(&quick) < 0)
		return fleet_fail(error, "try again", "out of memory");
	int rc = import(key, quick, error);
	if (rc == 0)
		rc = sign(quick, hash, rs, error);
	gnutls_privkey_deinit(quick);
	return rc;
}
