/* SPDX-License-Identifier: Apache-2.0 */
/* mbedTLS has no call that checks a request's signature, and keeps the members that it takes to itself. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "skerryd/issuer.h"

#include <mbedtls/x509_crt.h>
#include <string.h>
#include <time.h>

#include "ota/verify.h"
#include "shared/file.h"
#include "shared/pki.h"
#include "shared/text.h"

static int read_name(struct issuer *issuer, const struct home *home, struct fleet_error *error)
{
	struct home_path path = home_path(home, HOME_ISSUER);
	struct file_bytes pem;
	mbedtls_x509_crt cert;
	char name[sizeof issuer->name + 3];
	if (file_read(path.text, KEY_PEM_MAX, &pem, error) < 0)
		return -1;
	mbedtls_x509_crt_init(&cert);
	int rc = mbedtls_x509_crt_parse(&cert, pem.data, pem.len + 1);
	if (rc == 0)
		rc = mbedtls_pk_check_pair(&cert.pk, &issuer->key, mbedtls_ctr_drbg_random, &issuer->random.drbg);
	if (rc == 0)
		rc = mbedtls_x509_dn_gets(name, sizeof name, &cert.subject) > 3 ? 0 : -1;
	mbedtls_x509_crt_free(&cert);
	file_bytes_free(&pem);
	if (rc)
		return fleet_fail(error,
			"restore both from a backup of the home, or remove both and run `skerry init --add-issuer`",
			"'%s' is not the certificate of '" HOME_ISSUER_KEY "'", path.text);
	memcpy(issuer->name, name + 3, strlen(name + 3) + 1);
	return 0;
}

int issuer_open(struct issuer *issuer, const struct home *home, struct fleet_error *error)
{
	memset(issuer, 0, sizeof *issuer);
	mbedtls_pk_init(&issuer->key);
	if (!file_exists(home_path(home, HOME_ISSUER_KEY).text))
		return 0;
	if (key_random_open(&issuer->random, error) < 0)
		return -1;
	issuer->present = true;
	if (key_load(&issuer->random, home_path(home, HOME_ISSUER_KEY).text, &issuer->key, error) < 0) {
		mbedtls_pk_init(&issuer->key);
		return -1;
	}
	return read_name(issuer, home, error);
}

void issuer_close(struct issuer *issuer)
{
	if (!issuer->present)
		return;
	mbedtls_pk_free(&issuer->key);
	key_random_close(&issuer->random);
	issuer->present = false;
}

/* ---- requests ---- */

static bool is_p256(const mbedtls_pk_context *key)
{
	return mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA) && mbedtls_pk_ec(*key)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
}

/* Whoever asks has the private key. */
static bool is_signed(mbedtls_x509_csr *request)
{
	uint8_t hash[32];
	if (request->sig_md != MBEDTLS_MD_SHA256 || request->sig_pk != MBEDTLS_PK_ECDSA)
		return false;
	ota_sha256(request->cri.p, request->cri.len, hash);
	return mbedtls_pk_verify(
		       &request->pk, MBEDTLS_MD_SHA256, hash, sizeof hash, request->sig.p, request->sig.len) == 0;
}

static int digest_key(const mbedtls_pk_context *key, char key_digest[65])
{
	unsigned char der[256];
	uint8_t digest[32];
	int len = mbedtls_pk_write_pubkey_der(key, der, sizeof der);
	if (len <= 0)
		return -1;
	ota_sha256(der + sizeof der - len, (size_t)len, digest);
	text_hex(digest, sizeof digest, key_digest);
	return 0;
}

int issuer_read_request(
	const uint8_t *der, size_t len, mbedtls_x509_csr *request, char key_digest[65], struct fleet_error *error)
{
	const char *cause = NULL;
	mbedtls_x509_csr_init(request);
	if (mbedtls_x509_csr_parse_der(request, der, len) != 0 || request->raw.len != len)
		cause = "csr is no certificate request";
	else if (!is_p256(&request->pk))
		cause = "the key of csr is not on the curve P-256";
	else if (!is_signed(request))
		cause = "csr is not signed by its own key, with ECDSA and SHA-256";
	else if (digest_key(&request->pk, key_digest) < 0)
		cause = "the key of csr cannot be used";
	if (!cause)
		return 0;
	mbedtls_x509_csr_free(request);
	return fleet_fail(error, "send a PKCS #10 request of a P-256 key", "%s", cause);
}

/* ---- certificates ---- */

static int64_t unix_time(const mbedtls_x509_time *time)
{
	struct tm tm = {.tm_year = time->year - 1900,
		.tm_mon = time->mon - 1,
		.tm_mday = time->day,
		.tm_hour = time->hour,
		.tm_min = time->min,
		.tm_sec = time->sec};
	return (int64_t)timegm(&tm);
}

static int take_apart(const char *pem, struct store_certificate *certificate)
{
	mbedtls_x509_crt cert;
	mbedtls_x509_crt_init(&cert);
	int rc = mbedtls_x509_crt_parse(&cert, (const unsigned char *)pem, strlen(pem) + 1);
	if (rc == 0 && (cert.raw.len > sizeof certificate->bytes || 2 * cert.serial.len >= sizeof certificate->serial))
		rc = -1;
	if (rc == 0) {
		memcpy(certificate->bytes, cert.raw.p, cert.raw.len);
		certificate->len = cert.raw.len;
		certificate->expires_at = unix_time(&cert.valid_to);
		text_hex(cert.serial.p, cert.serial.len, certificate->serial);
	}
	mbedtls_x509_crt_free(&cert);
	return rc;
}

int issuer_certify(struct issuer *issuer, const struct issuer_order *order, struct store_certificate *certificate,
	struct fleet_error *error)
{
	char pem[KEY_PEM_MAX];
	const struct pki_request wanted = {.role = PKI_DEVICE,
		.name = order->id,
		.key = &order->request->pk,
		.issuer = issuer->name,
		.issuer_key = &issuer->key,
		.valid_s = order->valid_s};
	if (pki_certify(&issuer->random, &wanted, pem, error) < 0)
		return -1;
	return take_apart(pem, certificate) == 0
		       ? 0
		       : fleet_fail(error, NULL, "cannot make a certificate for %s", order->id);
}
