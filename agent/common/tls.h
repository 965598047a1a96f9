/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.3 and 1.2 client over a byte stream, by mbedTLS. The peer's certificate must chain to one of the provisioned
 * CAs and carry the host's name; ours (P-256) is shown when asked for. Certificate dates are checked as far as the time
 * is known: with a mere floor (platform_unix_s()) a certificate can be found expired but not "from the future".
 *
 * An end is always named: close_notify is a clean end, a connection that just stops is -OTA_E_TLS_TRUNCATED, a record
 * that is not authentic is -OTA_E_TLS_RECORD. Non-blocking; every wait up to the handshake's end has the caller's timeout.
 */
#ifndef AGENT_TLS_H
#define AGENT_TLS_H

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "ota/provision.h"
#include "stream.h"

#define TLS_AGAIN (-1000) /* nothing to do now; call again when the stream moved. No -OTA_E_* has this number. */

/* Trust, own identity and preferences: made once, used by all connections. */
struct tls_context {
	mbedtls_ssl_config config;
	mbedtls_x509_crt trust, own;
	mbedtls_pk_context key;
};

/*
 * `provision` is borrowed for as long as the context lives; without key and certificate the context shows none. 0, -OTA_E_ENTROPY (no random numbers: TLS is refused),
 * -OTA_E_TLS_KEY (own key or certificate unusable, or they do not belong together), -OTA_E_TLS_CERT (no usable CA),
 * -OTA_E_MEMORY.
 */
__attribute__((warn_unused_result)) int tls_context_init(
	struct tls_context *context, const struct ota_provision *provision);
void tls_context_free(struct tls_context *context);

/* Random bytes from the generator behind TLS, once a context was made. 0 or -OTA_E_ENTROPY. */
__attribute__((warn_unused_result)) int tls_random(void *buf, size_t len);

/* A uniform number below `bound` (> 0), for jitter; 0 when the generator fails. */
uint32_t tls_random_below(uint32_t bound);

enum tls_phase { TLS_CLOSED, TLS_CONNECTING, TLS_HANDSHAKE, TLS_OPEN };

struct tls {
	mbedtls_ssl_context ssl;
	const struct stream_ops *ops;
	struct stream *stream;
	uint64_t deadline_ms; /* of connect and handshake together */
	enum tls_phase phase;
	int error;          /* first error of this connection, kept */
	bool write_pending; /* a write is to be repeated with the same arguments */
};

/* Whom to reach, and over what. Borrowed for tls_open(), the context and the table for the connection's life. */
struct tls_peer {
	const struct tls_context *context;
	const struct stream_ops *streams;
	const char *host; /* also the name that the certificate must have */
	uint16_t port;
};

/*
 * Begin to connect. `tls` is zeroed or was closed. `timeout_ms` is for connect and handshake together. 0, -OTA_E_MEMORY or
 * what the stream said; on an error nothing is open.
 */
__attribute__((warn_unused_result)) int tls_open(struct tls *tls, const struct tls_peer *peer, uint32_t timeout_ms);

/* Go on with connect and handshake. 0 once established, TLS_AGAIN, or -OTA_E_*. */
__attribute__((warn_unused_result)) int tls_poll(struct tls *tls);

/* When tls_poll() is due at the latest; UINT64_MAX once established or closed. */
uint64_t tls_deadline_ms(const struct tls *tls);

/*
 * Up to `len` (> 0) bytes: count > 0, TLS_AGAIN, -OTA_E_*; read: 0 after close_notify. A write that returned TLS_AGAIN
 * must be repeated with the same bytes and length.
 */
ssize_t tls_read(struct tls *tls, void *buf, size_t len);
ssize_t tls_write(struct tls *tls, const void *buf, size_t len);

/* Send close_notify where that is possible, close, free. Harmless when closed. */
void tls_close(struct tls *tls);

/* For the log: "TLSv1.3", cipher suite. Static. Only once established. */
const char *tls_version_name(const struct tls *tls);
const char *tls_suite_name(const struct tls *tls);

#endif
