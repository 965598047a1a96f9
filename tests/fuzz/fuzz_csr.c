/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device sends to get a certificate: a request (PKCS #10) from anybody, as skerryd reads it, and the certificate that it makes of one.
 *
 * First byte of the input: 0, a request follows; 1, what a request signs, which the test key signs here; 2, the parts of that, subject, key (none: the
 * test key's) and attributes, with ff ff ff between them. The lengths of what is put together are right, so that a change within a part is read as such.
 */
#include "skerryd/issuer.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <mbedtls/asn1.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ecdsa.h>
#include <psa/crypto.h>
#include <time.h>

#include "certificate.h"
#include "csr_key.h"
#include "fake/fake_image.h"
#include "fuzz.h"
#include "ota/verify.h"
#include "shared/pki.h"
#include "shared/text.h"
#include "skerryd/enrol.h"

#define DEVICE  "dev-1"
#define VALID_S 86400

static const uint8_t p256_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
	0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
#define SPKI_BYTES (sizeof(p256_head) + 64)

static struct issuer issuer;
static gnutls_x509_crt_t issuer_cert;
static uint8_t own_spki[SPKI_BYTES];

static gnutls_x509_crt_t cert_load(const void *data, size_t len, gnutls_x509_crt_fmt_t format)
{
	gnutls_datum_t datum = {.data = (unsigned char *)(uintptr_t)data, .size = (unsigned)len};
	gnutls_x509_crt_t cert;

	FUZZ_MUST(gnutls_x509_crt_init(&cert) == 0 && gnutls_x509_crt_import(cert, &datum, format) == 0);
	return cert;
}

static void set_up(void)
{
	const struct pki_request request = {.role = PKI_CA, .name = "issuer", .key = &issuer.key};
	struct fleet_error error;
	char pem[KEY_PEM_MAX];

	if (issuer.present)
		return;
	FUZZ_MUST(key_random_open(&issuer.random, &error) == 0);
	FUZZ_MUST(key_make(&issuer.random, &issuer.key, &error) == 0);
	strcpy(issuer.name, "issuer");
	FUZZ_MUST(pki_certify(&issuer.random, &request, pem, &error) == 0);
	issuer_cert = cert_load(pem, strlen(pem), GNUTLS_X509_FMT_PEM);
	memcpy(own_spki, p256_head, sizeof(p256_head));
	fake_key_public(0, own_spki + sizeof(p256_head));
	FUZZ_MUST(psa_crypto_init() == PSA_SUCCESS);
	issuer.present = true;
}

/* ---- what is accepted ---- */

/* The element at *at with its head, and what it holds. False: not one of this tag. */
static bool element(uint8_t **at, const uint8_t *end, int tag, struct ota_bytes *whole, struct ota_bytes *content)
{
	uint8_t *begin = *at;
	size_t len;

	if (mbedtls_asn1_get_tag(at, end, &len, tag) != 0)
		return false;
	*content = (struct ota_bytes){*at, len};
	*at += len;
	*whole = (struct ota_bytes){begin, (size_t)(*at - begin)};
	return true;
}

static void signature_check(const uint8_t point[65], const uint8_t hash[32], struct ota_bytes bits)
{
	uint8_t *at = (uint8_t *)(uintptr_t)bits.data, *end = at + bits.len;
	mbedtls_ecp_group group;
	mbedtls_ecp_point key;
	mbedtls_mpi r, s;
	size_t len;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&key);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	FUZZ_MUST(*at++ == 0);
	FUZZ_MUST(mbedtls_asn1_get_tag(&at, end, &len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) == 0);
	FUZZ_MUST(at + len == end);
	FUZZ_MUST(mbedtls_asn1_get_mpi(&at, end, &r) == 0 && mbedtls_asn1_get_mpi(&at, end, &s) == 0 && at == end);
	FUZZ_MUST(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0);
	FUZZ_MUST(mbedtls_ecp_point_read_binary(&group, &key, point, 65) == 0);
	FUZZ_MUST(mbedtls_ecdsa_verify(&group, hash, 32, &key, &r, &s) == 0);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_ecp_point_free(&key);
	mbedtls_ecp_group_free(&group);
}

/* All bytes of the request are one element of three; the signature is over the first of them, by the key that skerryd took from it. */
static void request_check(const uint8_t *der, size_t der_len, const uint8_t spki[SPKI_BYTES])
{
	const int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
	uint8_t *at = (uint8_t *)(uintptr_t)der, hash[32];
	struct ota_bytes whole, content, info, bits;

	FUZZ_MUST(element(&at, der + der_len, sequence, &whole, &content) && whole.len == der_len);
	at = (uint8_t *)(uintptr_t)content.data;
	FUZZ_MUST(element(&at, der + der_len, sequence, &info, &content));
	FUZZ_MUST(element(&at, der + der_len, sequence, &whole, &content));
	FUZZ_MUST(element(&at, der + der_len, MBEDTLS_ASN1_BIT_STRING, &whole, &bits) && at == der + der_len);
	ota_sha256(info.data, info.len, hash);
	signature_check(spki + sizeof(p256_head) - 1, hash, bits);
	/* The key stands in what is signed. */
	FUZZ_MUST(memmem(info.data, info.len, spki + sizeof(p256_head), 32) != NULL);
}

/* ---- what is made of it ---- */

static void usage_check(gnutls_x509_crt_t cert)
{
	char oid[64];
	size_t len = sizeof(oid);
	unsigned critical, usage;

	FUZZ_MUST(gnutls_x509_crt_get_ca_status(cert, &critical) == 0);
	FUZZ_MUST(gnutls_x509_crt_get_key_usage(cert, &usage, &critical) == 0 && usage == GNUTLS_KEY_DIGITAL_SIGNATURE);
	FUZZ_MUST(gnutls_x509_crt_get_key_purpose_oid(cert, 0, oid, &len, &critical) == 0);
	FUZZ_MUST(strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0);
	len = sizeof(oid);
	FUZZ_MUST(gnutls_x509_crt_get_key_purpose_oid(cert, 1, oid, &len, &critical) ==
		  GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
	len = sizeof(oid);
	FUZZ_MUST(gnutls_x509_crt_get_subject_alt_name(cert, 0, oid, &len, &critical) ==
		  GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
}

static void key_check(gnutls_x509_crt_t cert, const uint8_t spki[SPKI_BYTES])
{
	uint8_t got[256];
	size_t len = sizeof(got);
	gnutls_pubkey_t key;

	FUZZ_MUST(gnutls_pubkey_init(&key) == 0 && gnutls_pubkey_import_x509(key, cert, 0) == 0);
	FUZZ_MUST(gnutls_pubkey_export(key, GNUTLS_X509_FMT_DER, got, &len) == 0);
	FUZZ_MUST(len == SPKI_BYTES && memcmp(got, spki, len) == 0);
	gnutls_pubkey_deinit(key);
}

/* Another library says whom it names, whose key it has and what it is good for: the device that was meant, whatever the request says. */
static void certificate_made_check(const struct store_certificate *made, const uint8_t spki[SPKI_BYTES])
{
	gnutls_x509_crt_t cert = cert_load(made->bytes, made->len, GNUTLS_X509_FMT_DER);
	char name[128];
	size_t len = sizeof(name);
	unsigned verdict = ~0U;

	FUZZ_MUST(gnutls_x509_crt_get_dn(cert, name, &len) == 0 && strcmp(name, "CN=" DEVICE) == 0);
	FUZZ_MUST(gnutls_x509_crt_verify(cert, &issuer_cert, 1, GNUTLS_VERIFY_ALLOW_X509_V1_CA_CRT, &verdict) == 0);
	FUZZ_MUST(verdict == 0);
	FUZZ_MUST(gnutls_x509_crt_get_expiration_time(cert) == (time_t)made->expires_at);
	FUZZ_MUST(made->expires_at <= (int64_t)time(NULL) + VALID_S);
	usage_check(cert);
	key_check(cert, spki);
	gnutls_x509_crt_deinit(cert);
}

/* So does the device, if it is its key. */
static void device_check(const struct store_certificate *made, const uint8_t spki[SPKI_BYTES])
{
	char id[OTA_PROVISION_DEVICE_ID_MAX];
	int error = certificate_check(
		(struct ota_bytes){made->bytes, made->len}, (struct ota_bytes){csr_key, sizeof(csr_key)}, id);

	FUZZ_MUST((error == 0) == (memcmp(spki, own_spki, SPKI_BYTES) == 0));
	FUZZ_MUST(error != 0 || strcmp(id, DEVICE) == 0);
}

static void accepted_check(const uint8_t *der, size_t len, mbedtls_x509_csr *request, const char key_digest[65])
{
	const struct issuer_order order = {.request = request, .id = DEVICE, .valid_s = VALID_S};
	struct store_certificate made;
	struct fleet_error error;
	uint8_t spki[SPKI_BYTES], hash[32];
	char hex[65];

	memcpy(spki, p256_head, sizeof(p256_head));
	FUZZ_MUST(key_point(&request->pk, spki + sizeof(p256_head), &error) == 0);
	ota_sha256(spki, sizeof(spki), hash);
	text_hex(hash, sizeof(hash), hex);
	FUZZ_MUST(strcmp(hex, key_digest) == 0);
	request_check(der, len, spki);
	/* Nobody has another key's signature. */
	FUZZ_MUST(memcmp(spki, own_spki, sizeof(spki)) == 0);
	FUZZ_MUST(issuer_certify(&issuer, &order, &made, &error) == 0);
	certificate_made_check(&made, spki);
	device_check(&made, spki);
}

static void read_check(const uint8_t *der, size_t len)
{
	mbedtls_x509_csr request;
	struct fleet_error error = {0};
	char key_digest[65];

	/* More is refused before it is read. */
	if (len > ENROL_CSR_MAX)
		return;
	if (issuer_read_request(der, len, &request, key_digest, &error) == 0) {
		accepted_check(der, len, &request, key_digest);
		mbedtls_x509_csr_free(&request);
	} else {
		FUZZ_MUST(error.cause[0] != '\0' && error.remedy[0] != '\0');
	}
}

/* ---- from parts ---- */

/* Grows from its end to its front, as mbedTLS writes. */
struct der {
	uint8_t bytes[8192], *at;
};

static void der_put(struct der *der, const void *data, size_t len)
{
	FUZZ_MUST(mbedtls_asn1_write_raw_buffer(&der->at, der->bytes, data, len) == (int)len);
}

static void der_wrap(struct der *der, const uint8_t *end, int tag)
{
	FUZZ_MUST(mbedtls_asn1_write_len(&der->at, der->bytes, (size_t)(end - der->at)) > 0);
	FUZZ_MUST(mbedtls_asn1_write_tag(&der->at, der->bytes, (unsigned char)tag) == 1);
}

static void number_put(struct der *der, const uint8_t bytes[32])
{
	mbedtls_mpi number;

	mbedtls_mpi_init(&number);
	FUZZ_MUST(mbedtls_mpi_read_binary(&number, bytes, 32) == 0);
	FUZZ_MUST(mbedtls_asn1_write_mpi(&der->at, der->bytes, &number) > 0);
	mbedtls_mpi_free(&number);
}

/* info[len] with the test key's signature. */
static void signed_check(const uint8_t *info, size_t len)
{
	static const uint8_t algorithm[] = {
		0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03};
	static struct der der;
	uint8_t rs[64], *end = der.bytes + sizeof(der.bytes), *exact;
	size_t total;

	fake_key_sign(0, info, len, rs);
	der.at = end;
	number_put(&der, rs + 32);
	number_put(&der, rs);
	der_wrap(&der, end, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
	der_put(&der, "", 1);
	der_wrap(&der, end, MBEDTLS_ASN1_BIT_STRING);
	der_put(&der, algorithm, sizeof(algorithm) - 1);
	der_put(&der, info, len);
	der_wrap(&der, end, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
	total = (size_t)(end - der.at);
	exact = malloc(total);
	FUZZ_MUST(exact != NULL);
	memcpy(exact, der.at, total);
	read_check(exact, total);
	free(exact);
}

static struct fuzz_in part_take(struct fuzz_in *in)
{
	static const uint8_t separator[] = {0xff, 0xff, 0xff};
	const uint8_t *end = in->left > 0 ? memmem(in->at, in->left, separator, sizeof(separator)) : NULL;
	struct fuzz_in part = {in->at, end ? (size_t)(end - in->at) : in->left};
	size_t len = part.left + (end ? sizeof(separator) : 0);

	in->at += len;
	in->left -= len;
	return part;
}

static void parts_check(struct fuzz_in *in)
{
	static const uint8_t version[] = {0x02, 0x01, 0x00};
	static struct der der;
	struct fuzz_in subject = part_take(in), key = part_take(in), attributes = part_take(in);
	uint8_t *end = der.bytes + sizeof(der.bytes);

	der.at = end;
	der_put(&der, attributes.at, attributes.left);
	der_wrap(&der, end, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED);
	if (key.left > 0)
		der_put(&der, key.at, key.left);
	else
		der_put(&der, own_spki, sizeof(own_spki));
	end = der.at;
	der_put(&der, subject.at, subject.left);
	der_wrap(&der, end, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
	der_put(&der, version, sizeof(version));
	der_wrap(&der, der.bytes + sizeof(der.bytes), MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
	signed_check(der.at, (size_t)(der.bytes + sizeof(der.bytes) - der.at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};

	set_up();
	switch (fuzz_u8(&in) % 3) {
	case 0:
		read_check(in.at, in.left);
		break;
	case 1:
		signed_check(in.at, in.left);
		break;
	default:
		parts_check(&in);
	}
	return 0;
}
