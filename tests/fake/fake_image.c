/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_image.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecdsa.h>

#include "ota/verify.h"

const uint8_t fake_vendor_id[16] = "vendor-vendor-v";
const uint8_t fake_class_id[16] = "class-class-cla";

static void must(int error)
{
	if (error)
		abort();
}

/* Test keys: the signatures' nonces need not be secret, only different for different messages. */
static int weak_random(void *ctx, unsigned char *out, size_t len)
{
	uint32_t *state = ctx;

	for (size_t i = 0; i < len; i++) {
		*state = *state * 1664525u + 1013904223u;
		out[i] = (unsigned char)(*state >> 24);
	}
	return 0;
}

static void key_load(unsigned which, mbedtls_ecp_keypair *pair)
{
	uint8_t secret[32];

	memset(secret, (int)(0x11 + which), sizeof(secret));
	mbedtls_ecp_keypair_init(pair);
	must(mbedtls_ecp_read_key(MBEDTLS_ECP_DP_SECP256R1, pair, secret, sizeof(secret)));
}

void fake_key_public(unsigned which, uint8_t key[64])
{
	mbedtls_ecp_keypair pair;
	uint32_t random = which;
	uint8_t point[65];
	size_t len;

	key_load(which, &pair);
	must(mbedtls_ecp_keypair_calc_public(&pair, weak_random, &random));
	must(mbedtls_ecp_write_public_key(&pair, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point, sizeof(point)));
	memcpy(key, point + 1, 64);
	mbedtls_ecp_keypair_free(&pair);
}

void fake_key_sign(unsigned which, const uint8_t *data, size_t len, uint8_t signature[64])
{
	mbedtls_ecp_keypair pair;
	uint8_t hash[32];
	mbedtls_mpi r, s;
	uint32_t random;

	ota_sha256(data, len, hash);
	memcpy(&random, hash, sizeof(random));
	key_load(which, &pair);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	must(mbedtls_ecdsa_sign(&pair.MBEDTLS_PRIVATE(grp), &r, &s, &pair.MBEDTLS_PRIVATE(d), hash, sizeof(hash),
		weak_random, &random));
	must(mbedtls_mpi_write_binary(&r, signature, 32));
	must(mbedtls_mpi_write_binary(&s, signature + 32, 32));
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_ecp_keypair_free(&pair);
}

static void manifest_make(struct fake_image *image)
{
	struct ota_manifest *manifest = &image->manifest;

	memset(manifest, 0, sizeof(*manifest));
	manifest->counter = image->image.counter;
	memcpy(manifest->vendor_id, fake_vendor_id, 16);
	memcpy(manifest->class_id, fake_class_id, 16);
	memcpy(manifest->digest, image->image.digest, 32);
	manifest->image_bytes = image->image.bytes;
	memcpy(manifest->version, image->image.version, sizeof(manifest->version));
	manifest->chunk_bytes = FAKE_CHUNK_BYTES;
	manifest->chunk_count = (image->image.bytes + FAKE_CHUNK_BYTES - 1) / FAKE_CHUNK_BYTES;
	manifest->chunk_digests = image->chunk_digests;
	for (uint32_t i = 0; i < manifest->chunk_count; i++)
		ota_sha256(image->data + (size_t)i * FAKE_CHUNK_BYTES, ota_manifest_chunk_len(manifest, i),
			image->chunk_digests + (size_t)i * 32);
	memcpy(manifest->uri, "image.fit", 10);
}

void fake_image_make(struct fake_image *image, uint32_t counter, uint32_t patch, uint32_t bytes)
{
	uint32_t header[6] = {0x474d4946, bytes, counter, 1, 0, patch}, random = patch * 7919 + counter;

	memset(image, 0, sizeof(*image));
	(void)weak_random(&random, image->data, bytes);
	memcpy(image->data, header, sizeof(header));
	image->image = (struct ota_image){.bytes = bytes, .counter = counter, .version = {1, 0, patch}};
	ota_sha256(image->data, bytes, image->image.digest);
	manifest_make(image);
	fake_image_sign(image, 0);
}

void fake_image_sign(struct fake_image *image, unsigned key)
{
	uint8_t manifest[OTA_MANIFEST_BYTES_MAX], to_sign[OTA_SIG_STRUCTURE_MAX], public_key[64], kid[8];
	struct ota_envelope envelope = {.manifest_bstr = manifest, .signature_count = 1};
	size_t len;

	must(ota_manifest_encode(&image->manifest, manifest, sizeof(manifest), &envelope.manifest_bstr_len));
	ota_sha256(manifest, envelope.manifest_bstr_len, envelope.digest);
	fake_key_public(key, public_key);
	ota_key_id(public_key, kid);
	ota_envelope_to_sign(envelope.digest, kid, &envelope.signatures[0], to_sign, &len);
	fake_key_sign(key, to_sign, len, envelope.signatures[0].rs);
	must(ota_envelope_encode(&envelope, image->envelope, sizeof(image->envelope), &image->envelope_len));
}
