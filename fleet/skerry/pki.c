/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/pki.h"

#include <arpa/inet.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/rsa.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "shared/file.h"

#define VALID_DAYS (20 * 365)

static int tls_fail(struct fleet_error *error, int code, const char *what)
{
	char text[128];
	mbedtls_strerror(code, text, sizeof text);
	return fleet_fail(error, NULL, "%s: %s", what, text);
}

int pki_open(struct pki *pki, struct fleet_error *error)
{
	static const char personal[] = "skerry pki";
	mbedtls_entropy_init(&pki->entropy);
	mbedtls_ctr_drbg_init(&pki->random);
	int rc = mbedtls_ctr_drbg_seed(&pki->random, mbedtls_entropy_func, &pki->entropy,
		(const unsigned char *)personal, sizeof personal - 1);
	if (!rc)
		return 0;
	pki_close(pki);
	return tls_fail(error, rc, "no random numbers from the system");
}

void pki_close(struct pki *pki)
{
	mbedtls_ctr_drbg_free(&pki->random);
	mbedtls_entropy_free(&pki->entropy);
}

int pki_key_p256(struct pki *pki, mbedtls_pk_context *key, struct fleet_error *error)
{
	mbedtls_pk_init(key);
	int rc = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (!rc)
		rc = mbedtls_ecp_gen_key(
			MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), mbedtls_ctr_drbg_random, &pki->random);
	return rc ? tls_fail(error, rc, "cannot make a P-256 key") : 0;
}

int pki_key_rsa2048(struct pki *pki, mbedtls_pk_context *key, struct fleet_error *error)
{
	mbedtls_pk_init(key);
	int rc = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
	if (!rc)
		rc = mbedtls_rsa_gen_key(mbedtls_pk_rsa(*key), mbedtls_ctr_drbg_random, &pki->random, 2048, 65537);
	return rc ? tls_fail(error, rc, "cannot make an RSA key") : 0;
}

/* The alternative names as mbedTLS wants them: a linked list. Host names that read as IPv4 addresses become addresses. */
struct alt_names {
	mbedtls_x509_san_list nodes[PKI_NAMES_MAX];
	struct in_addr addresses[PKI_NAMES_MAX];
};

static int set_alt_names(mbedtls_x509write_cert *cert, const struct pki_request *request, struct alt_names *alt)
{
	memset(alt, 0, sizeof *alt);
	for (size_t i = 0; i < request->name_count; i++) {
		mbedtls_x509_subject_alternative_name *node = &alt->nodes[i].node;
		if (inet_pton(AF_INET, request->names[i], &alt->addresses[i]) == 1) {
			node->type = MBEDTLS_X509_SAN_IP_ADDRESS;
			node->san.unstructured_name.p = (unsigned char *)&alt->addresses[i];
			node->san.unstructured_name.len = sizeof alt->addresses[i];
		} else {
			const unsigned char *name = (const unsigned char *)request->names[i];
			node->type = MBEDTLS_X509_SAN_DNS_NAME;
			memcpy(&node->san.unstructured_name.p, &name, sizeof name); /* only read from */
			node->san.unstructured_name.len = strlen(request->names[i]);
		}
		alt->nodes[i].next = i + 1 < request->name_count ? &alt->nodes[i + 1] : NULL;
	}
	return mbedtls_x509write_crt_set_subject_alternative_name(cert, &alt->nodes[0]);
}

static int set_usage(mbedtls_x509write_cert *cert, enum pki_role role)
{
	if (role == PKI_BOOT)
		return 0; /* a wrapper for the public key, which mkimage wants; nobody verifies it */
	if (role == PKI_CA) {
		int rc = mbedtls_x509write_crt_set_basic_constraints(cert, 1, 0);
		return rc ? rc
			  : mbedtls_x509write_crt_set_key_usage(
				    cert, MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN);
	}
	/* skerryd is server to devices and the CLI, and client of the broker: servers get both purposes. */
	mbedtls_asn1_sequence client = {
		.buf = {.tag = MBEDTLS_ASN1_OID,
			.len = MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH),
			.p = (unsigned char[]){MBEDTLS_OID_CLIENT_AUTH}},
	};
	mbedtls_asn1_sequence server = {
		.buf = {.tag = MBEDTLS_ASN1_OID,
			.len = MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH),
			.p = (unsigned char[]){MBEDTLS_OID_SERVER_AUTH}},
		.next = &client,
	};
	int rc = mbedtls_x509write_crt_set_basic_constraints(cert, 0, -1);
	if (!rc)
		rc = mbedtls_x509write_crt_set_key_usage(cert, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
	return rc ? rc : mbedtls_x509write_crt_set_ext_key_usage(cert, role == PKI_SERVER ? &server : &client);
}

static int set_validity(mbedtls_x509write_cert *cert)
{
	char from[16], to[16];
	time_t begin = time(NULL) - 86400, end = begin + (time_t)86400 * VALID_DAYS;
	struct tm tm;
	strftime(from, sizeof from, "%Y%m%d%H%M%S", gmtime_r(&begin, &tm));
	strftime(to, sizeof to, "%Y%m%d%H%M%S", gmtime_r(&end, &tm));
	return mbedtls_x509write_crt_set_validity(cert, from, to);
}

static int set_serial(struct pki *pki, mbedtls_x509write_cert *cert)
{
	unsigned char serial[16];
	int rc = mbedtls_ctr_drbg_random(&pki->random, serial, sizeof serial);
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, no leading zero byte */
	return rc ? rc : mbedtls_x509write_crt_set_serial_raw(cert, serial, sizeof serial);
}

static int fill_in(
	struct pki *pki, mbedtls_x509write_cert *cert, const struct pki_request *request, struct alt_names *alt)
{
	char subject[96], issuer[96];
	snprintf(subject, sizeof subject, "CN=%s", request->name);
	snprintf(issuer, sizeof issuer, "CN=%s", request->issuer ? request->issuer : request->name);
	mbedtls_x509write_crt_set_version(cert, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(cert, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(cert, request->key);
	mbedtls_x509write_crt_set_issuer_key(cert, request->issuer_key ? request->issuer_key : request->key);
	int rc = mbedtls_x509write_crt_set_subject_name(cert, subject);
	if (!rc)
		rc = mbedtls_x509write_crt_set_issuer_name(cert, issuer);
	if (!rc)
		rc = set_serial(pki, cert);
	if (!rc)
		rc = set_validity(cert);
	if (!rc)
		rc = set_usage(cert, request->role);
	if (!rc && request->role != PKI_BOOT)
		rc = mbedtls_x509write_crt_set_subject_key_identifier(cert);
	if (!rc && request->role != PKI_BOOT)
		rc = mbedtls_x509write_crt_set_authority_key_identifier(cert);
	if (!rc && request->name_count)
		rc = set_alt_names(cert, request, alt);
	return rc;
}

int pki_certify(struct pki *pki, const struct pki_request *request, char pem[PKI_PEM_MAX], struct fleet_error *error)
{
	mbedtls_x509write_cert cert;
	struct alt_names alt;
	mbedtls_x509write_crt_init(&cert);
	int rc = fill_in(pki, &cert, request, &alt);
	if (!rc)
		rc = mbedtls_x509write_crt_pem(
			&cert, (unsigned char *)pem, PKI_PEM_MAX, mbedtls_ctr_drbg_random, &pki->random);
	mbedtls_x509write_crt_free(&cert);
	if (!rc)
		return 0;
	tls_fail(error, rc, "cannot make a certificate");
	return fleet_fail(error, "check that the names are host names or IPv4 addresses",
		"no certificate for '%s' (%d)", request->name, rc);
}

int pki_key_load(struct pki *pki, const char *path, mbedtls_pk_context *key, struct fleet_error *error)
{
	struct file_bytes bytes;
	if (file_read(path, PKI_PEM_MAX, &bytes, error) < 0)
		return -1;
	mbedtls_pk_init(key);
	int rc = mbedtls_pk_parse_key(key, bytes.data, bytes.len + 1, NULL, 0, mbedtls_ctr_drbg_random, &pki->random);
	file_bytes_free(&bytes);
	if (!rc)
		return 0;
	mbedtls_pk_free(key);
	return fleet_fail(error, "restore the file from a backup, or name another key",
		"'%s' is not a private key in PEM form", path);
}

int pki_key_save(mbedtls_pk_context *key, const char *path, struct fleet_error *error)
{
	unsigned char pem[PKI_PEM_MAX];
	int rc = mbedtls_pk_write_key_pem(key, pem, sizeof pem);
	if (rc)
		return tls_fail(error, rc, "cannot encode a key");
	rc = file_write(path, pem, strlen((const char *)pem), 0600, error);
	explicit_bzero(pem, sizeof pem);
	return rc;
}

int pki_public_point(const mbedtls_pk_context *key, uint8_t point[64], struct fleet_error *error)
{
	unsigned char whole[65];
	size_t len = 0;
	if (mbedtls_pk_get_type(key) != MBEDTLS_PK_ECKEY ||
		mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key)) != MBEDTLS_ECP_DP_SECP256R1 ||
		mbedtls_ecp_write_public_key(
			mbedtls_pk_ec(*key), MBEDTLS_ECP_PF_UNCOMPRESSED, &len, whole, sizeof whole) ||
		len != sizeof whole)
		return fleet_fail(error, "use a P-256 key", "the key is not a P-256 key");
	memcpy(point, whole + 1, 64);
	return 0;
}

int pki_public_save(mbedtls_pk_context *key, const char *path, struct fleet_error *error)
{
	unsigned char pem[1024];
	int rc = mbedtls_pk_write_pubkey_pem(key, pem, sizeof pem);
	return rc ? tls_fail(error, rc, "cannot encode a public key")
		  : file_write(path, pem, strlen((const char *)pem), 0644, error);
}

int pki_public_load(const char *path, uint8_t point[64], struct fleet_error *error)
{
	struct file_bytes bytes;
	mbedtls_pk_context key;
	if (file_read(path, PKI_PEM_MAX, &bytes, error) < 0)
		return -1;
	mbedtls_pk_init(&key);
	int rc = mbedtls_pk_parse_public_key(&key, bytes.data, bytes.len + 1);
	if (rc)
		rc = fleet_fail(error, "restore the file from a backup", "'%s' is not a public key in PEM form", path);
	else
		rc = pki_public_point(&key, point, error);
	mbedtls_pk_free(&key);
	file_bytes_free(&bytes);
	return rc;
}

int pki_sign(
	struct pki *pki, mbedtls_pk_context *key, const uint8_t hash[32], uint8_t rs[64], struct fleet_error *error)
{
	unsigned char der[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	size_t der_len = 0, rs_len = 0;
	int rc = mbedtls_pk_sign(
		key, MBEDTLS_MD_SHA256, hash, 32, der, sizeof der, &der_len, mbedtls_ctr_drbg_random, &pki->random);
	if (!rc) /* COSE wants the two numbers bare, TLS's form is DER */
		rc = mbedtls_ecdsa_der_to_raw(256, der, der_len, rs, 64, &rs_len);
	return rc ? tls_fail(error, rc, "cannot sign") : 0;
}
