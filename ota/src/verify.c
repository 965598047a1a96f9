/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/verify.h"

#include <assert.h>
#include <string.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/sha256.h>

static_assert(sizeof(mbedtls_sha256_context) + sizeof(uint64_t) <= sizeof(struct ota_sha256),
	"struct ota_sha256 is too small");

/* The last word counts failures of the library; none is known to happen without an accelerator. */
enum { WORD_FAILED = sizeof(((struct ota_sha256 *)0)->words) / sizeof(uint64_t) - 1 };

static mbedtls_sha256_context *context_of(struct ota_sha256 *sha)
{
	return (mbedtls_sha256_context *)(void *)sha->words;
}

void ota_sha256_begin(struct ota_sha256 *sha)
{
	memset(sha, 0, sizeof(*sha));
	mbedtls_sha256_init(context_of(sha));
	sha->words[WORD_FAILED] = mbedtls_sha256_starts(context_of(sha), 0) != 0;
}

void ota_sha256_add(struct ota_sha256 *sha, const void *data, size_t len)
{
	if (len > 0 && mbedtls_sha256_update(context_of(sha), data, len) != 0)
		sha->words[WORD_FAILED]++;
}

/* A failure yields zeroes: a digest that no manifest may name. */
void ota_sha256_end(struct ota_sha256 *sha, uint8_t digest[OTA_SHA256_BYTES])
{
	if (mbedtls_sha256_finish(context_of(sha), digest) != 0 || sha->words[WORD_FAILED] != 0)
		memset(digest, 0, OTA_SHA256_BYTES);
	mbedtls_sha256_free(context_of(sha));
}

void ota_sha256(const void *data, size_t len, uint8_t digest[OTA_SHA256_BYTES])
{
	struct ota_sha256 sha;

	ota_sha256_begin(&sha);
	ota_sha256_add(&sha, data, len);
	ota_sha256_end(&sha, digest);
}

void ota_key_id(const uint8_t key[OTA_KEY_BYTES], uint8_t kid[OTA_KID_BYTES])
{
	uint8_t digest[OTA_SHA256_BYTES];

	ota_sha256(key, OTA_KEY_BYTES, digest);
	memcpy(kid, digest, OTA_KID_BYTES);
}

struct es256 {
	mbedtls_ecp_group group;
	mbedtls_ecp_point key;
	mbedtls_mpi r, s;
};

static int es256_check(struct es256 *es, const uint8_t *key, const uint8_t *hash, const uint8_t *signature)
{
	uint8_t point[1 + OTA_KEY_BYTES] = {0x04}; /* uncompressed, SEC1 §2.3.3 */
	int error;

	memcpy(point + 1, key, OTA_KEY_BYTES);
	error = mbedtls_ecp_group_load(&es->group, MBEDTLS_ECP_DP_SECP256R1);
	if (!error)
		error = mbedtls_ecp_point_read_binary(&es->group, &es->key, point, sizeof(point));
	if (!error)
		error = mbedtls_ecp_check_pubkey(&es->group, &es->key);
	if (!error)
		error = mbedtls_mpi_read_binary(&es->r, signature, OTA_SIG_BYTES / 2);
	if (!error)
		error = mbedtls_mpi_read_binary(&es->s, signature + OTA_SIG_BYTES / 2, OTA_SIG_BYTES / 2);
	if (!error)
		error = mbedtls_ecdsa_verify(&es->group, hash, OTA_SHA256_BYTES, &es->key, &es->r, &es->s);
	return error;
}

enum ota_verdict ota_es256_verify(
	const uint8_t key[OTA_KEY_BYTES], const uint8_t hash[OTA_SHA256_BYTES], const uint8_t signature[OTA_SIG_BYTES])
{
	enum ota_verdict verdict = OTA_REFUSED;
	struct es256 es;

	mbedtls_ecp_group_init(&es.group);
	mbedtls_ecp_point_init(&es.key);
	mbedtls_mpi_init(&es.r);
	mbedtls_mpi_init(&es.s);
	if (es256_check(&es, key, hash, signature) == 0)
		verdict = OTA_ACCEPTED;
	mbedtls_mpi_free(&es.s);
	mbedtls_mpi_free(&es.r);
	mbedtls_ecp_point_free(&es.key);
	mbedtls_ecp_group_free(&es.group);
	return verdict;
}
