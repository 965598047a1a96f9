/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/key.h"

#include <mbedtls/error.h>
#include <mbedtls/psa_util.h>
#include <string.h>
#include <strings.h>

#include "shared/file.h"

int key_fail(struct fleet_error *error, int code, const char *what)
{
	char text[128];
	mbedtls_strerror(code, text, sizeof text);
	return fleet_fail(error, NULL, "%s: %s", what, text);
}

int key_random_open(struct key_random *random, struct fleet_error *error)
{
	static const char personal[] = "skerry keys";
	mbedtls_entropy_init(&random->entropy);
	mbedtls_ctr_drbg_init(&random->drbg);
	int rc = mbedtls_ctr_drbg_seed(&random->drbg, mbedtls_entropy_func, &random->entropy,
		(const unsigned char *)personal, sizeof personal - 1);
	if (!rc)
		return 0;
	key_random_close(random);
	return key_fail(error, rc, "no random numbers from the system");
}

void key_random_close(struct key_random *random)
{
	mbedtls_ctr_drbg_free(&random->drbg);
	mbedtls_entropy_free(&random->entropy);
}

int key_make(struct key_random *random, mbedtls_pk_context *key, struct fleet_error *error)
{
	mbedtls_pk_init(key);
	int rc = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (!rc)
		rc = mbedtls_ecp_gen_key(
			MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), mbedtls_ctr_drbg_random, &random->drbg);
	return rc ? key_fail(error, rc, "cannot make a P-256 key") : 0;
}

int key_load(struct key_random *random, const char *path, mbedtls_pk_context *key, struct fleet_error *error)
{
	struct file_bytes bytes;
	if (file_read(path, KEY_PEM_MAX, &bytes, error) < 0)
		return -1;
	mbedtls_pk_init(key);
	int rc = mbedtls_pk_parse_key(key, bytes.data, bytes.len + 1, NULL, 0, mbedtls_ctr_drbg_random, &random->drbg);
	file_bytes_free(&bytes);
	if (!rc)
		return 0;
	mbedtls_pk_free(key);
	return fleet_fail(error, "restore the file from a backup, or name another key",
		"'%s' is not a private key in PEM form", path);
}

int key_save(mbedtls_pk_context *key, const char *path, struct fleet_error *error)
{
	unsigned char pem[KEY_PEM_MAX];
	int rc = mbedtls_pk_write_key_pem(key, pem, sizeof pem);
	if (rc)
		return key_fail(error, rc, "cannot encode a key");
	rc = file_write(path, pem, strlen((const char *)pem), 0600, error);
	explicit_bzero(pem, sizeof pem);
	return rc;
}

int key_point(const mbedtls_pk_context *key, uint8_t point[64], struct fleet_error *error)
{
	unsigned char whole[65];
	size_t len = 0;
	if (mbedtls_pk_get_type(key) != MBEDTLS_PK_ECKEY ||
		mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key)) != MBEDTLS_ECP_DP_SECP256R1 ||
		mbedtls_ecp_write_public_key(
			mbedtls_pk_ec(*key), MBEDTLS_ECP_PF_UNCOMPRESSED, &len, whole, sizeof whole) ||
		len != sizeof whole)
		return fleet_fail(error, "use a P-256 key", "the key is not a P-256 key");
	memcpy(point, whole + 1, 64);
	return 0;
}

int key_public_save(mbedtls_pk_context *key, const char *path, struct fleet_error *error)
{
	unsigned char pem[1024];
	int rc = mbedtls_pk_write_pubkey_pem(key, pem, sizeof pem);
	return rc ? key_fail(error, rc, "cannot encode a public key")
		  : file_write(path, pem, strlen((const char *)pem), 0644, error);
}

int key_public_load(const char *path, uint8_t point[64], struct fleet_error *error)
{
	struct file_bytes bytes;
	mbedtls_pk_context key;
	if (file_read(path, KEY_PEM_MAX, &bytes, error) < 0)
		return -1;
	mbedtls_pk_init(&key);
	int rc = mbedtls_pk_parse_public_key(&key, bytes.data, bytes.len + 1);
	if (rc)
		rc = fleet_fail(error, "restore the file from a backup", "'%s' is not a public key in PEM form", path);
	else
		rc = key_point(&key, point, error);
	mbedtls_pk_free(&key);
	file_bytes_free(&bytes);
	return rc;
}

int key_sign(struct key_random *random, mbedtls_pk_context *key, const uint8_t hash[32], uint8_t rs[64],
	struct fleet_error *error)
{
	unsigned char der[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	size_t der_len = 0, rs_len = 0;
	int rc = mbedtls_pk_sign(
		key, MBEDTLS_MD_SHA256, hash, 32, der, sizeof der, &der_len, mbedtls_ctr_drbg_random, &random->drbg);
	if (!rc) /* COSE wants the two numbers bare, TLS's form is DER */
		rc = mbedtls_ecdsa_der_to_raw(256, der, der_len, rs, 64, &rs_len);
	return rc ? key_fail(error, rc, "cannot sign") : 0;
}
