/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include <assert.h>
#include <mbedtls/error.h>
#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <string.h>

#include "ota/err.h"
#include "platform.h"
#include "tls_suites.h"

/* What the callbacks hand mbedTLS for a failed stream; the reason stands in tls->error. */
#define TLS_STREAM_FAILED MBEDTLS_ERR_SSL_INTERNAL_ERROR

int tls_random(void *buf, size_t len)
{
	return psa_generate_random(buf, len) == PSA_SUCCESS ? 0 : -OTA_E_ENTROPY;
}

uint32_t tls_random_below(uint32_t bound)
{
	uint64_t value;

	/* 64 bits against 32: the bias is below 2^-32. */
	if (tls_random(&value, sizeof(value)) != 0)
		return 0;
	return (uint32_t)(value % bound);
}

/* Dates count only as far as we know the time: see tls.h. */
static int verify_dates(void *unused, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	bool exact;

	(void)unused;
	(void)crt;
	(void)depth;
	if (platform_unix_s(&exact) == 0)
		*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
	else if (!exact)
		*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_FUTURE;
	return 0;
}

static int identity_load(struct tls_context *context, const struct ota_provision *provision)
{
	for (size_t i = 0; i < provision->ca_count; i++)
		if (mbedtls_x509_crt_parse_der_nocopy(&context->trust, provision->cas[i].data, provision->cas[i].len) !=
			0)
			return -OTA_E_TLS_CERT;
	/* A device that is to claim its identity. */
	if (provision->cert.len == 0)
		return 0;
	if (mbedtls_x509_crt_parse_der_nocopy(&context->own, provision->cert.data, provision->cert.len) != 0)
		return -OTA_E_TLS_KEY;
	if (mbedtls_pk_parse_key(&context->key, provision->key.data, provision->key.len, NULL, 0,
		    mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE) != 0)
		return -OTA_E_TLS_KEY;
	if (mbedtls_pk_check_pair(&context->own.pk, &context->key, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE) !=
		0)
		return -OTA_E_TLS_KEY;
	return 0;
}

static int config_load(struct tls_context *context)
{
	mbedtls_ssl_config *config = &context->config;

	if (mbedtls_ssl_config_defaults(
		    config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		return -OTA_E_MEMORY;
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_verify(config, verify_dates, NULL);
	mbedtls_ssl_conf_ca_chain(config, &context->trust, NULL);
	mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	mbedtls_ssl_conf_ciphersuites(config, tls_suites());
	if (!context->own.raw.p)
		return 0;
	return mbedtls_ssl_conf_own_cert(config, &context->own, &context->key) == 0 ? 0 : -OTA_E_MEMORY;
}

int tls_context_init(struct tls_context *context, const struct ota_provision *provision)
{
	psa_status_t status = psa_crypto_init();
	int error;

	if (status != PSA_SUCCESS)
		return status == PSA_ERROR_INSUFFICIENT_MEMORY ? -OTA_E_MEMORY : -OTA_E_ENTROPY;
	mbedtls_ssl_config_init(&context->config);
	mbedtls_x509_crt_init(&context->trust);
	mbedtls_x509_crt_init(&context->own);
	mbedtls_pk_init(&context->key);
	error = identity_load(context, provision);
	if (error == 0)
		error = config_load(context);
	if (error != 0)
		tls_context_free(context);
	return error;
}

void tls_context_free(struct tls_context *context)
{
	mbedtls_ssl_config_free(&context->config);
	mbedtls_x509_crt_free(&context->trust);
	mbedtls_x509_crt_free(&context->own);
	mbedtls_pk_free(&context->key);
}

static int stream_send(void *ctx, const unsigned char *buf, size_t len)
{
	struct tls *tls = ctx;
	ssize_t done = tls->ops->write(tls->stream, buf, len);

	if (done > 0)
		return (int)done;
	if (done == -STREAM_E_AGAIN)
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	tls->error = stream_error_ota((int)done);
	return TLS_STREAM_FAILED;
}

static int stream_recv(void *ctx, unsigned char *buf, size_t len)
{
	struct tls *tls = ctx;
	ssize_t done = tls->ops->read(tls->stream, buf, len);

	if (done > 0)
		return (int)done;
	if (done == -STREAM_E_AGAIN)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (done == -STREAM_E_CLOSED)
		return 0; /* mbedTLS makes CONN_EOF of it unless close_notify came before */
	tls->error = stream_error_ota((int)done);
	return TLS_STREAM_FAILED;
}

static int verify_error(const struct tls *tls)
{
	uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);

	return flags == MBEDTLS_X509_BADCERT_CN_MISMATCH ? -OTA_E_TLS_NAME : -OTA_E_TLS_CERT;
}

static int tls_error_of(const struct tls *tls, int error)
{
	switch (error) {
	case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
	case MBEDTLS_ERR_SSL_BAD_CERTIFICATE:
		return verify_error(tls);
	case MBEDTLS_ERR_SSL_CONN_EOF:
		return tls->phase == TLS_OPEN ? -OTA_E_TLS_TRUNCATED : -OTA_E_CLOSED;
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		return -OTA_E_CLOSED;
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		return -OTA_E_TLS_ALERT;
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
		return -OTA_E_TLS_VERSION;
	case MBEDTLS_ERR_SSL_INVALID_MAC:
	case MBEDTLS_ERR_SSL_INVALID_RECORD:
	case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
	case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
	case MBEDTLS_ERR_SSL_DECODE_ERROR:
	case MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER:
		return -OTA_E_TLS_RECORD;
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
	case MBEDTLS_ERR_X509_ALLOC_FAILED:
		return -OTA_E_MEMORY;
	default:
		return -OTA_E_TLS;
	}
}

/* What a failed mbedTLS call means to the caller. TLS_AGAIN, or the connection's error, which is kept. */
static int tls_result(struct tls *tls, int error)
{
	if (error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE ||
		error == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		return TLS_AGAIN;
	if (tls->error == 0)
		tls->error = tls_error_of(tls, error);
	return tls->error;
}

int tls_open(struct tls *tls, const struct tls_peer *peer, uint32_t timeout_ms)
{
	int error;

	assert(tls->phase == TLS_CLOSED);
	memset(tls, 0, sizeof(*tls));
	tls->ops = peer->streams;
	mbedtls_ssl_init(&tls->ssl);
	if (mbedtls_ssl_setup(&tls->ssl, &peer->context->config) != 0 ||
		mbedtls_ssl_set_hostname(&tls->ssl, peer->host) != 0) {
		mbedtls_ssl_free(&tls->ssl);
		return -OTA_E_MEMORY;
	}
	mbedtls_ssl_set_bio(&tls->ssl, tls, stream_send, stream_recv, NULL);
	error = tls->ops->open(&tls->stream, peer->host, peer->port);
	if (error != 0) {
		mbedtls_ssl_free(&tls->ssl);
		return stream_error_ota(error);
	}
	tls->phase = TLS_CONNECTING;
	tls->deadline_ms = platform_now_ms() + timeout_ms;
	return 0;
}

static int tls_connect_poll(struct tls *tls)
{
	int error = tls->ops->status(tls->stream);

	if (error == -STREAM_E_AGAIN)
		return TLS_AGAIN;
	if (error != 0) {
		tls->error = stream_error_ota(error);
		return tls->error;
	}
	tls->phase = TLS_HANDSHAKE;
	return 0;
}

int tls_poll(struct tls *tls)
{
	int error = 0;

	assert(tls->phase != TLS_CLOSED);
	if (tls->error != 0)
		return tls->error;
	if (tls->phase == TLS_CONNECTING)
		error = tls_connect_poll(tls);
	if (error == 0 && tls->phase == TLS_HANDSHAKE) {
		error = mbedtls_ssl_handshake(&tls->ssl);
		if (error == 0)
			tls->phase = TLS_OPEN;
		else
			error = tls_result(tls, error);
	}
	if (error == TLS_AGAIN && platform_now_ms() >= tls->deadline_ms)
		error = tls->error = -OTA_E_TIMEOUT;
	return error;
}

uint64_t tls_deadline_ms(const struct tls *tls)
{
	return tls->phase == TLS_CONNECTING || tls->phase == TLS_HANDSHAKE ? tls->deadline_ms : UINT64_MAX;
}

ssize_t tls_read(struct tls *tls, void *buf, size_t len)
{
	int done;

	assert(tls->phase == TLS_OPEN && len > 0);
	if (tls->error != 0)
		return tls->error;
	do {
		done = mbedtls_ssl_read(&tls->ssl, buf, len);
	} while (done == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
	if (done > 0)
		return done;
	if (done == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return 0;
	/* mbedTLS answers 0 when the stream ended between two records. */
	return tls_result(tls, done == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : done);
}

ssize_t tls_write(struct tls *tls, const void *buf, size_t len)
{
	int done;

	assert(tls->phase == TLS_OPEN && len > 0);
	if (tls->error != 0)
		return tls->error;
	done = mbedtls_ssl_write(&tls->ssl, buf, len);
	tls->write_pending = done == MBEDTLS_ERR_SSL_WANT_WRITE;
	return done >= 0 ? done : tls_result(tls, done);
}

void tls_close(struct tls *tls)
{
	if (tls->phase == TLS_CLOSED)
		return;
	/* In the middle of a record close_notify would be garbage. Not waiting for room: the peer sees the end either way. */
	if (tls->phase == TLS_OPEN && tls->error == 0 && !tls->write_pending)
		(void)mbedtls_ssl_close_notify(&tls->ssl);
	tls->ops->close(tls->stream, tls->error != 0 || tls->phase != TLS_OPEN);
	mbedtls_ssl_free(&tls->ssl);
	tls->phase = TLS_CLOSED;
}

const char *tls_version_name(const struct tls *tls)
{
	return mbedtls_ssl_get_version(&tls->ssl);
}

const char *tls_suite_name(const struct tls *tls)
{
	return mbedtls_ssl_get_ciphersuite(&tls->ssl);
}
