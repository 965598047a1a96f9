/* SPDX-License-Identifier: Apache-2.0 */
/* Read by mbedTLS after agent/common/mbedtls_config.h, on the device: entropy and time come from the kernel. */

/* The image provides int mbedtls_hardware_poll(void *, unsigned char *out, size_t len, size_t *olen) (mbedtls/entropy.h's source type). */
#define MBEDTLS_NO_PLATFORM_ENTROPY
#define MBEDTLS_ENTROPY_HARDWARE_ALT

/* The image provides mbedtls_ms_time_t mbedtls_ms_time(void): monotonic milliseconds. */
#define MBEDTLS_PLATFORM_MS_TIME_ALT

/* A device makes its own key and asks for a certificate (agent/common/certificate.c). */
#define MBEDTLS_PK_WRITE_C
#define MBEDTLS_X509_CREATE_C
#define MBEDTLS_X509_CSR_WRITE_C
