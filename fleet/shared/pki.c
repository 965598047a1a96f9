/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/pki.h"

#include <arpa/inet.h>
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/file.h"

#define DAY_S   86400
#define VALID_S (UINT64_C(20) * 365 * DAY_S)

int pki_key_rsa2048(struct key_random *random, mbedtls_pk_context *key, struct fleet_error *error)
{
	mbedtls_pk_init(key);
	int rc = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
	if (!rc)
		rc = mbedtls_rsa_gen_key(mbedtls_pk_rsa(*key), mbedtls_ctr_drbg_random, &random->drbg, 2048, 65537);
	return rc ? key_fail(error, rc, "cannot make an RSA key") : 0;
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

static int set_validity(mbedtls_x509write_cert *cert, uint64_t valid_s)
{
	char from[16], to[16];
	time_t now = time(NULL), begin = now - DAY_S, end = now + (time_t)(valid_s ? valid_s : VALID_S);
	struct tm tm;
	strftime(from, sizeof from, "%Y%m%d%H%M%S", gmtime_r(&begin, &tm));
	strftime(to, sizeof to, "%Y%m%d%H%M%S", gmtime_r(&end, &tm));
	return mbedtls_x509write_crt_set_validity(cert, from, to);
}

static int set_serial(struct key_random *random, mbedtls_x509write_cert *cert)
{
	unsigned char serial[16];
	int rc = mbedtls_ctr_drbg_random(&random->drbg, serial, sizeof serial);
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, no leading zero byte */
	return rc ? rc : mbedtls_x509write_crt_set_serial_raw(cert, serial, sizeof serial);
}

static int fill_in(struct key_random *random, mbedtls_x509write_cert *cert, const struct pki_request *request,
	struct alt_names *alt)
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
		rc = set_serial(random, cert);
	if (!rc)
		rc = set_validity(cert, request->valid_s);
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

int pki_certify(
	struct key_random *random, const struct pki_request *request, char pem[KEY_PEM_MAX], struct fleet_error *error)
{
	mbedtls_x509write_cert cert;
	struct alt_names alt;
	mbedtls_x509write_crt_init(&cert);
	int rc = fill_in(random, &cert, request, &alt);
	if (!rc)
		rc = mbedtls_x509write_crt_pem(
			&cert, (unsigned char *)pem, KEY_PEM_MAX, mbedtls_ctr_drbg_random, &random->drbg);
	mbedtls_x509write_crt_free(&cert);
	if (!rc)
		return 0;
	key_fail(error, rc, "cannot make a certificate");
	return fleet_fail(error, "check that the names are host names or IPv4 addresses",
		"no certificate for '%s' (%d)", request->name, rc);
}
