/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_suites.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform.h"

#define TRIAL_BYTES 1024
#define TRIALS      3

static const int suites_aes[] = {
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	0,
};

static const int suites_chacha[] = {
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	0,
};

static const uint8_t key[32], nonce[12];

/* Ticks for one pass; UINT64_MAX when the cipher does not work at all. */
static uint64_t gcm_ticks(uint8_t *data)
{
	mbedtls_gcm_context gcm;
	uint8_t tag[16];
	uint64_t begin;
	int error;

	mbedtls_gcm_init(&gcm);
	error = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128);
	begin = platform_ticks();
	if (error == 0)
		error = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, TRIAL_BYTES, nonce, sizeof(nonce), NULL, 0,
			data, data, sizeof(tag), tag);
	begin = platform_ticks() - begin;
	mbedtls_gcm_free(&gcm);
	return error == 0 ? begin : UINT64_MAX;
}

static uint64_t chacha_ticks(uint8_t *data)
{
	mbedtls_chachapoly_context chacha;
	uint8_t tag[16];
	uint64_t begin;
	int error;

	mbedtls_chachapoly_init(&chacha);
	error = mbedtls_chachapoly_setkey(&chacha, key);
	begin = platform_ticks();
	if (error == 0)
		error = mbedtls_chachapoly_encrypt_and_tag(&chacha, TRIAL_BYTES, nonce, NULL, 0, data, data, tag);
	begin = platform_ticks() - begin;
	mbedtls_chachapoly_free(&chacha);
	return error == 0 ? begin : UINT64_MAX;
}

/* The best of a few passes: caches are warm then, and an interruption spoils only one of them. */
static uint64_t best_ticks(uint64_t (*pass)(uint8_t *), uint8_t *data)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < TRIALS; i++) {
		uint64_t ticks = pass(data);

		if (ticks < best)
			best = ticks;
	}
	return best;
}

const int *tls_suites(void)
{
	static const int *chosen;
	uint8_t data[TRIAL_BYTES] = {0};

	if (!chosen)
		chosen = best_ticks(chacha_ticks, data) < best_ticks(gcm_ticks, data) ? suites_chacha : suites_aes;
	return chosen;
}
