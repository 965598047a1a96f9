/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read by mbedTLS after agent/common/mbedtls_config.h, on the host: what the operator's tools need (files, keys,
 * certificates, U-Boot's RSA boot key) and the TLS server that the tests talk to.
 */

#define MBEDTLS_FS_IO
#define MBEDTLS_ERROR_C
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD

#define MBEDTLS_RSA_C
#define MBEDTLS_GENPRIME
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_PK_WRITE_C
#define MBEDTLS_PEM_WRITE_C

#define MBEDTLS_X509_CREATE_C
#define MBEDTLS_X509_CRT_WRITE_C
#define MBEDTLS_X509_CSR_PARSE_C
#define MBEDTLS_X509_CSR_WRITE_C

#define MBEDTLS_SSL_SRV_C

/* A handshake of TLS 1.3 holds a key in one of the 32 slots there are else: the simulator has thousands of them at a time. */
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC

/* Name-based UUIDs (RFC 9562 §5.5): vendor and class ids. */
#define MBEDTLS_SHA1_C
