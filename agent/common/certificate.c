/* SPDX-License-Identifier: Apache-2.0 */
/* A request's name is put in directly: mbedTLS's reader of names as text would be 3 KiB of the image. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "certificate.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <string.h>

#include "ota/err.h"

static int key_load(mbedtls_pk_context *pk, struct ota_bytes key)
{
	mbedtls_pk_init(pk);
	if (mbedtls_pk_parse_key(pk, key.data, key.len, NULL, 0, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE) == 0)
		return 0;
	mbedtls_pk_free(pk);
	return -OTA_E_TLS_KEY;
}

static int key_error(int code)
{
	return code == MBEDTLS_ERR_MPI_ALLOC_FAILED || code == MBEDTLS_ERR_PK_ALLOC_FAILED ? -OTA_E_MEMORY
											   : -OTA_E_ENTROPY;
}

int certificate_key_make(struct credential *credential)
{
	mbedtls_pk_context pk;
	int code, len = 0;

	memset(credential, 0, sizeof(*credential));
	mbedtls_pk_init(&pk);
	code = mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (code == 0)
		code = mbedtls_ecp_gen_key(
			MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk), mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	if (code == 0)
		len = mbedtls_pk_write_key_der(&pk, credential->key, sizeof(credential->key));
	mbedtls_pk_free(&pk);
	if (code != 0 || len <= 0)
		return key_error(code != 0 ? code : len);
	/* mbedTLS writes from the buffer's end. */
	memmove(credential->key, credential->key + sizeof(credential->key) - len, (size_t)len);
	mbedtls_platform_zeroize(credential->key + len, sizeof(credential->key) - (size_t)len);
	credential->key_len = (size_t)len;
	return 0;
}

static int name_put(mbedtls_x509write_csr *request, const char *name)
{
	mbedtls_asn1_named_data *put = mbedtls_asn1_store_named_data(&request->subject, MBEDTLS_OID_AT_CN,
		MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN), (const unsigned char *)name, strlen(name));

	if (!put)
		return -OTA_E_MEMORY;
	put->val.tag = MBEDTLS_ASN1_UTF8_STRING;
	return 0;
}

int certificate_request(struct ota_bytes key, const char *name, uint8_t *out, size_t cap)
{
	mbedtls_x509write_csr request;
	mbedtls_pk_context pk;
	int len, error = key_load(&pk, key);

	if (error != 0)
		return error;
	mbedtls_x509write_csr_init(&request);
	mbedtls_x509write_csr_set_md_alg(&request, MBEDTLS_MD_SHA256);
	mbedtls_x509write_csr_set_key(&request, &pk);
	len = name_put(&request, name);
	if (len == 0)
		len = mbedtls_x509write_csr_der(&request, out, cap, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	mbedtls_x509write_csr_free(&request);
	mbedtls_pk_free(&pk);
	if (len <= 0)
		return len == MBEDTLS_ERR_ASN1_BUF_TOO_SMALL ? -OTA_E_TOO_LONG : -OTA_E_TLS_KEY;
	memmove(out, out + cap - (size_t)len, (size_t)len);
	return len;
}

/* The only common name, if it is a device id (SPEC §7). */
static int name_read(const mbedtls_x509_crt *crt, char device_id[OTA_PROVISION_DEVICE_ID_MAX])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	const mbedtls_x509_name *found = NULL;

	for (const mbedtls_x509_name *name = &crt->subject; name; name = name->next) {
		if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) != 0)
			continue;
		if (found)
			return -OTA_E_FORMAT;
		found = name;
	}
	if (!found || found->val.len - 1 >= OTA_PROVISION_DEVICE_ID_MAX - 1)
		return -OTA_E_FORMAT;
	memcpy(device_id, found->val.p, found->val.len);
	device_id[found->val.len] = '\0';
	return strspn(device_id, alphabet) == found->val.len ? 0 : -OTA_E_FORMAT;
}

int certificate_check(struct ota_bytes cert, struct ota_bytes key, char device_id[OTA_PROVISION_DEVICE_ID_MAX])
{
	mbedtls_x509_crt crt;
	mbedtls_pk_context pk;
	int error = key_load(&pk, key);

	if (error != 0)
		return error;
	mbedtls_x509_crt_init(&crt);
	/* All of it: what follows would be stored and shown to the broker. */
	if (mbedtls_x509_crt_parse_der_nocopy(&crt, cert.data, cert.len) != 0 || crt.raw.len != cert.len)
		error = -OTA_E_FORMAT;
	else if (mbedtls_pk_check_pair(&crt.pk, &pk, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE) != 0)
		error = -OTA_E_TLS_KEY;
	else
		error = name_read(&crt, device_id);
	mbedtls_x509_crt_free(&crt);
	mbedtls_pk_free(&pk);
	return error;
}

/* Days from 1970-01-01 of the proleptic Gregorian calendar; the year begins in March, so that the leap day is its last. */
static uint64_t unix_s(const mbedtls_x509_time *t)
{
	unsigned int year = (unsigned int)t->year - (t->mon <= 2), month = ((unsigned int)t->mon + 9) % 12;
	uint64_t days = 365ULL * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
			(unsigned int)t->day - 1 - 719468;

	return ((days * 24 + (unsigned int)t->hour) * 60 + (unsigned int)t->min) * 60 + (unsigned int)t->sec;
}

int certificate_times(struct ota_bytes cert, uint64_t *from_s, uint64_t *to_s)
{
	mbedtls_x509_crt crt;
	int error = 0;

	mbedtls_x509_crt_init(&crt);
	if (mbedtls_x509_crt_parse_der_nocopy(&crt, cert.data, cert.len) != 0 || crt.valid_from.year < 1970 ||
		crt.valid_to.year < 1970)
		error = -OTA_E_FORMAT;
	*from_s = error == 0 ? unix_s(&crt.valid_from) : 0;
	*to_s = error == 0 ? unix_s(&crt.valid_to) : 0;
	mbedtls_x509_crt_free(&crt);
	return error;
}
