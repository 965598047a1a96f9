/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ota/err.h"
#include "ota/provision.h"
#include "ota/verify.h"
#include "shared/conf.h"
#include "shared/pki.h"
#include "shared/text.h"
#include "skerry/keychain.h"

/* PEM file → the certificate; free with mbedtls_x509_crt_free(). */
static int load_cert(const char *path, mbedtls_x509_crt *cert, struct fleet_error *error)
{
	struct file_bytes pem;
	if (file_read(path, KEY_PEM_MAX, &pem, error) < 0)
		return -1;
	mbedtls_x509_crt_init(cert);
	int rc = mbedtls_x509_crt_parse(cert, pem.data, pem.len + 1);
	file_bytes_free(&pem);
	if (rc == 0)
		return 0;
	mbedtls_x509_crt_free(cert);
	return fleet_fail(error, "restore the file from a backup", "'%s' is not a certificate in PEM form", path);
}

/* What the home's configuration and keys say to every device. */
static int fill_from_home(const struct home *home, struct ota_provision *out, struct fleet_error *error)
{
	struct conf conf;
	const char *host, *prefix, *vendor;
	uint64_t port;
	if (conf_read(home_path(home, HOME_CONF).text, &conf, error) < 0)
		return -1;
	int rc = 0;
	if (conf_text(&conf, "broker-host", &host, error) < 0 ||
		conf_positive(&conf, "broker-port", 65535, &port, error) < 0 ||
		conf_text(&conf, "prefix", &prefix, error) < 0 || conf_text(&conf, "vendor", &vendor, error) < 0)
		rc = -1;
	if (rc == 0) {
		snprintf(out->broker_host, sizeof out->broker_host, "%s", host);
		out->broker_port = (uint16_t)port;
		snprintf(out->topic_prefix, sizeof out->topic_prefix, "%s", prefix);
		text_vendor_id(vendor, out->vendor_id);
		text_class_id(out->vendor_id, out->board, out->class_id);
	}
	conf_free(&conf);
	return rc;
}

static int encode(const struct ota_provision *provision, struct file_bytes *out, struct fleet_error *error)
{
	uint8_t *buf = malloc(OTA_PROVISION_BYTES_MAX);
	if (!buf)
		return fleet_fail(error, NULL, "out of memory");
	int code = ota_provision_encode(provision, buf, OTA_PROVISION_BYTES_MAX, &out->len);
	if (code) {
		free(buf);
		return fleet_fail(error, "check skerry.conf", "cannot encode the provisioning: %s", ota_err_text(code));
	}
	out->data = buf;
	return 0;
}

/* What is under way. */
struct maker {
	const struct home *home;
	const char *id, *board;
	struct key_random random;
	mbedtls_pk_context key;    /* of the device */
	struct keychain_link keys; /* the newest */
};

/* Key and certificate, DER, go into the provisioning; PEM into the files that a test or a Linux device uses. */
static int make_provision(struct maker *maker, struct identity *identity, struct fleet_error *error)
{
	struct ota_provision provision = {.time_floor_s = (uint64_t)time(NULL), .ca_count = 1};
	unsigned char key_der[KEY_DER_MAX];
	mbedtls_x509_crt ca, cert;
	snprintf(provision.device_id, sizeof provision.device_id, "%s", maker->id);
	snprintf(provision.board, sizeof provision.board, "%s", maker->board);
	if (fill_from_home(maker->home, &provision, error) < 0 ||
		keychain_newest(maker->home, &maker->keys, error) < 0 ||
		load_cert(home_path(maker->home, HOME_CA).text, &ca, error) < 0)
		return -1;
	mbedtls_x509_crt_init(&cert);
	int key_len = mbedtls_pk_write_key_der(&maker->key, key_der, sizeof key_der); /* stands at the buffer's end */
	int rc = -1;
	if (key_len <= 0 || mbedtls_x509_crt_parse(&cert, (const unsigned char *)identity->cert_pem,
				    strlen(identity->cert_pem) + 1) != 0) {
		fleet_fail(error, NULL, "cannot encode the device's key or certificate");
	} else {
		provision.key = (struct ota_bytes){key_der + sizeof key_der - key_len, (size_t)key_len};
		provision.cert = (struct ota_bytes){cert.raw.p, cert.raw.len};
		provision.keyset = (struct ota_bytes){maker->keys.bytes.bytes, maker->keys.bytes.len};
		provision.cas[0] = (struct ota_bytes){ca.raw.p, ca.raw.len};
		ota_sha256(cert.raw.p, cert.raw.len, identity->cert_digest);
		rc = encode(&provision, &identity->provision, error);
	}
	explicit_bzero(key_der, sizeof key_der);
	mbedtls_x509_crt_free(&cert);
	mbedtls_x509_crt_free(&ca);
	return rc;
}

static int certify(struct maker *maker, char pem[KEY_PEM_MAX], struct fleet_error *error)
{
	mbedtls_pk_context ca_key;
	mbedtls_x509_crt ca;
	char issuer[128];
	if (load_cert(home_path(maker->home, HOME_CA).text, &ca, error) < 0)
		return -1;
	int len = mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca.subject);
	mbedtls_x509_crt_free(&ca);
	if (len <= 3)
		return fleet_fail(error, "restore it from a backup", "the CA certificate has no name");
	if (key_load(&maker->random, home_path(maker->home, HOME_CA_KEY).text, &ca_key, error) < 0)
		return -1;
	const struct pki_request request = {
		.role = PKI_DEVICE, .name = maker->id, .key = &maker->key, .issuer = issuer + 3, .issuer_key = &ca_key};
	int rc = pki_certify(&maker->random, &request, pem, error);
	mbedtls_pk_free(&ca_key);
	return rc;
}

int identity_make(const struct home *home, const char *id, const char *board, struct identity *identity,
	struct fleet_error *error)
{
	struct maker maker = {.home = home, .id = id, .board = board};
	memset(identity, 0, sizeof *identity);
	if (key_random_open(&maker.random, error) < 0)
		return -1;
	int rc = key_make(&maker.random, &maker.key, error);
	if (rc == 0)
		rc = certify(&maker, identity->cert_pem, error);
	unsigned char *pem = (unsigned char *)identity->key_pem;
	if (rc == 0 && mbedtls_pk_write_key_pem(&maker.key, pem, sizeof identity->key_pem) != 0)
		rc = fleet_fail(error, NULL, "cannot encode the device's key");
	if (rc == 0)
		rc = make_provision(&maker, identity, error);
	mbedtls_pk_free(&maker.key);
	key_random_close(&maker.random);
	return rc;
}

void identity_free(struct identity *identity)
{
	file_bytes_free(&identity->provision);
	explicit_bzero(identity, sizeof *identity);
}

/* ---- to be claimed ---- */

static int read_claim_url(const struct home *home, struct ota_provision *out, struct fleet_error *error)
{
	struct conf conf;
	const char *url = "";
	if (conf_read(home_path(home, HOME_CONF).text, &conf, error) < 0)
		return -1;
	int rc = 0;
	if (!conf_has(&conf, "claim-url"))
		rc = fleet_fail(error,
			"run `skerry init --add-issuer`, or add a line claim-url = https://HOST:PORT/claim",
			"'%s' does not say where devices claim their identity", conf.path);
	else
		rc = conf_text(&conf, "claim-url", &url, error);
	if (rc == 0 && (strncmp(url, "https://", 8) != 0 || strlen(url) >= sizeof out->claim_url))
		rc = fleet_fail(error, "give https://HOST:PORT/claim", "'%s': claim-url = %s is no https address",
			conf.path, url);
	if (rc == 0)
		snprintf(out->claim_url, sizeof out->claim_url, "%s", url);
	conf_free(&conf);
	return rc;
}

int identity_make_claim(const struct home *home, const char *board, const char *token, struct file_bytes *provision,
	struct fleet_error *error)
{
	struct ota_provision claim = {.time_floor_s = (uint64_t)time(NULL), .ca_count = 1};
	struct keychain_link keys;
	mbedtls_x509_crt ca;
	snprintf(claim.board, sizeof claim.board, "%s", board);
	snprintf(claim.claim_token, sizeof claim.claim_token, "%s", token);
	if (fill_from_home(home, &claim, error) < 0 || read_claim_url(home, &claim, error) < 0 ||
		keychain_newest(home, &keys, error) < 0 || load_cert(home_path(home, HOME_CA).text, &ca, error) < 0)
		return -1;
	claim.keyset = (struct ota_bytes){keys.bytes.bytes, keys.bytes.len};
	claim.cas[0] = (struct ota_bytes){ca.raw.p, ca.raw.len};
	int rc = encode(&claim, provision, error);
	mbedtls_x509_crt_free(&ca);
	explicit_bzero(&claim, sizeof claim);
	return rc;
}
