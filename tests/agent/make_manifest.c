/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: an update manifest (SPEC §4) for a payload file.
 *   make_manifest PAYLOAD KEY.der COUNTER VERSION      KEY: P-256, SEC1
 * prints two lines: the release key (x‖y, hex) and the signed envelope (base64url). Vendor and class are zero, as provision_image's.
 */
#include <mbedtls/ecdsa.h>
#include <mbedtls/pk.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/sha256.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/err.h"
#include "ota/manifest.h"

static uint8_t payload[8 << 20];
static uint8_t digests[OTA_MANIFEST_CHUNKS_MAX * 32];

static void check(int error, const char *what)
{
	if (error == 0)
		return;
	(void)fprintf(stderr, "make_manifest: %s: %d\n", what, error);
	exit(1);
}

static size_t file_read(const char *path, uint8_t *buf, size_t cap)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	check(file ? 0 : -1, path);
	len = fread(buf, 1, cap, file);
	(void)fclose(file);
	return len;
}

static void chunks_digest(struct ota_manifest *manifest)
{
	manifest->chunk_count = (manifest->image_bytes + manifest->chunk_bytes - 1) / manifest->chunk_bytes;
	for (uint32_t i = 0; i < manifest->chunk_count; i++)
		check(mbedtls_sha256(payload + (size_t)i * manifest->chunk_bytes, ota_manifest_chunk_len(manifest, i),
			      digests + i * 32, 0),
			"digest of a chunk");
	manifest->chunk_digests = digests;
	check(mbedtls_sha256(payload, manifest->image_bytes, manifest->digest, 0), "digest");
}

static void sign(const mbedtls_ecp_keypair *key, const uint8_t digest[32], struct ota_signature *signature)
{
	uint8_t to_sign[OTA_SIG_STRUCTURE_MAX], hash[32];
	mbedtls_mpi r, s, secret;
	mbedtls_ecp_group group;
	size_t len;

	ota_envelope_to_sign(digest, NULL, signature, to_sign, &len);
	check(mbedtls_sha256(to_sign, len, hash, 0), "digest to sign");
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	mbedtls_mpi_init(&secret);
	mbedtls_ecp_group_init(&group);
	check(mbedtls_ecp_export(key, &group, &secret, NULL), "export");
	check(mbedtls_ecdsa_sign(
		      &group, &r, &s, &secret, hash, sizeof(hash), mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE),
		"sign");
	check(mbedtls_mpi_write_binary(&r, signature->rs, 32), "r");
	check(mbedtls_mpi_write_binary(&s, signature->rs + 32, 32), "s");
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&secret);
	mbedtls_ecp_group_free(&group);
}

static void print_key(const mbedtls_ecp_keypair *key)
{
	uint8_t point[65];
	size_t len;

	check(mbedtls_ecp_write_public_key(key, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point, sizeof(point)), "public key");
	for (size_t i = 1; i < len; i++)
		printf("%02x", point[i]);
	printf("\n");
}

static void print_base64url(const uint8_t *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t bit = 0; bit < len * 8; bit += 6) {
		size_t at = bit / 8;
		unsigned int pair = (unsigned int)data[at] << 8 | (at + 1 < len ? data[at + 1] : 0U);

		(void)putchar(digits[pair >> (10 - bit % 8) & 63]);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	static uint8_t buf[OTA_MANIFEST_BYTES_MAX], bstr[OTA_MANIFEST_BYTES_MAX];
	struct ota_manifest manifest = {.chunk_bytes = 65536, .name = "host", .uri = "image.fit"};
	struct ota_envelope envelope = {.signature_count = 1};
	mbedtls_pk_context pk;
	size_t len;

	if (argc != 5)
		return 2;
	check((int)psa_crypto_init(), "generator");
	manifest.image_bytes = (uint32_t)file_read(argv[1], payload, sizeof(payload));
	manifest.counter = (uint32_t)strtoul(argv[3], NULL, 10);
	check(sscanf(argv[4], "%u.%u.%u", &manifest.version[0], &manifest.version[1], &manifest.version[2]) == 3 ? 0
														 : -1,
		"version");
	chunks_digest(&manifest);
	mbedtls_pk_init(&pk);
	len = file_read(argv[2], buf, sizeof(buf));
	check(mbedtls_pk_parse_key(&pk, buf, len, NULL, 0, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE), argv[2]);
	check(ota_manifest_encode(&manifest, bstr, sizeof(bstr), &len), "manifest");
	envelope.manifest_bstr = bstr;
	envelope.manifest_bstr_len = len;
	check(mbedtls_sha256(bstr, len, envelope.digest, 0), "digest of the manifest");
	sign(mbedtls_pk_ec(pk), envelope.digest, &envelope.signatures[0]);
	check(ota_envelope_encode(&envelope, buf, sizeof(buf), &len), "envelope");
	print_key(mbedtls_pk_ec(pk));
	print_base64url(buf, len);
	mbedtls_pk_free(&pk);
	return 0;
}
