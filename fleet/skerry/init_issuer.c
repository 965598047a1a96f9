/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuer certifies devices that claim an identity, while the CA's key stays with the operator. It is an authority of its own, not one
 * below the CA: devices trust the CA alone, so that nothing the issuer signs can be a server to them. Only the broker believes both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/conf.h"
#include "shared/file.h"
#include "shared/pki.h"
#include "skerry/init.h"

#define ISSUER_NAME "skerry device issuer"
#define TEXT_MAX    65536

/* Both authorities in one file, for the broker. */
static int write_client_cas(const struct home *dir, const char *issuer_pem, struct fleet_error *error)
{
	struct file_bytes ca;
	char *text = NULL;
	if (file_read(home_path(dir, HOME_CA).text, KEY_PEM_MAX, &ca, error) < 0)
		return -1;
	int rc = asprintf(&text, "%s%s", (const char *)ca.data, issuer_pem) < 0
			 ? fleet_fail(error, NULL, "out of memory")
			 : file_write(home_path(dir, HOME_CLIENT_CAS).text, text, strlen(text), 0644, error);
	free(text);
	file_bytes_free(&ca);
	return rc;
}

/* The key is last: with it, and not before, skerryd counts the issuer as there. */
int init_make_issuer(struct key_random *random, const struct home *dir, struct fleet_error *error)
{
	char pem[KEY_PEM_MAX];
	mbedtls_pk_context key;
	struct pki_request request = {.role = PKI_CA, .name = ISSUER_NAME, .key = &key};
	int rc = key_make(random, &key, error);
	if (rc == 0)
		rc = pki_certify(random, &request, pem, error);
	if (rc == 0)
		rc = file_write(home_path(dir, HOME_ISSUER).text, pem, strlen(pem), 0644, error);
	if (rc == 0)
		rc = write_client_cas(dir, pem, error);
	if (rc == 0)
		rc = key_save(&key, home_path(dir, HOME_ISSUER_KEY).text, error);
	mbedtls_pk_free(&key);
	return rc;
}

/* ---- a home that was made without ---- */

/* `path` with `change` made to its text: a new string, or NULL: nothing is to be changed. */
static int change_text(struct home_path path, const struct home *home,
	char *(*change)(const struct home *home, const char *text), struct fleet_error *error)
{
	struct file_bytes bytes;
	if (file_read(path.text, TEXT_MAX, &bytes, error) < 0)
		return -1;
	char *text = change(home, (const char *)bytes.data);
	int rc = text ? file_write(path.text, text, strlen(text), 0644, error) : 0;
	free(text);
	file_bytes_free(&bytes);
	return rc;
}

/* The first "cafile …/ca.pem" becomes the file with both. */
static char *change_broker(const struct home *home, const char *text)
{
	char before[HOME_PATH_MAX + 300], *out = NULL;
	snprintf(before, sizeof before, "cafile %s", home_path(home, HOME_CA).text);
	const char *at = strstr(text, before);
	if (!at || asprintf(&out, "%.*scafile %s%s", (int)(at - text), text, home_path(home, HOME_CLIENT_CAS).text,
			   at + strlen(before)) < 0)
		return NULL;
	return out;
}

static const char *prefix_of(const struct conf *conf)
{
	const char *prefix;
	struct fleet_error ignored;
	return conf_text(conf, "prefix", &prefix, &ignored) < 0 ? NULL : prefix;
}

static char *change_acl(const struct home *home, const char *text)
{
	struct conf conf;
	struct fleet_error ignored;
	char *out = NULL;
	if (strstr(text, "/cert/renew") || conf_read(home_path(home, HOME_CONF).text, &conf, &ignored) < 0)
		return NULL;
	const char *prefix = prefix_of(&conf);
	if (!prefix || asprintf(&out, "%spattern write %s/%%u/cert/renew\npattern read %s/%%u/cert/issued\n", text,
			       prefix, prefix) < 0)
		out = NULL;
	conf_free(&conf);
	return out;
}

/* The claim's address is that of skerryd as the CLI sees it, at the host that devices are told. */
static char *change_cli(const struct home *home, const char *text)
{
	struct conf conf;
	struct fleet_error ignored;
	const char *url, *host, *port;
	char *out = NULL;
	if (conf_read(home_path(home, HOME_CONF).text, &conf, &ignored) < 0)
		return NULL;
	if (!conf_has(&conf, "claim-url") && conf_text(&conf, "url", &url, &ignored) == 0 &&
		conf_text(&conf, "broker-host", &host, &ignored) == 0) {
		port = strrchr(url, ':');
		if (asprintf(&out, "%sclaim-url = https://%s%s/claim\n", text, host,
			    port && strlen(port) < 7 ? port : "") < 0)
			out = NULL;
	}
	conf_free(&conf);
	return out;
}

int init_add_issuer(const struct home *home, struct fleet_error *error)
{
	struct key_random random;
	if (file_exists(home_path(home, HOME_ISSUER_KEY).text))
		return fleet_fail(error, "nothing is to be done", "'%s' has an issuer already", home->dir);
	if (key_random_open(&random, error) < 0)
		return -1;
	int rc = init_make_issuer(&random, home, error);
	key_random_close(&random);
	if (rc < 0)
		return -1;
	if (change_text(home_path(home, HOME_BROKER_CONF), home, change_broker, error) < 0 ||
		change_text(home_path(home, HOME_BROKER_ACL), home, change_acl, error) < 0)
		return -1;
	return change_text(home_path(home, HOME_CONF), home, change_cli, error);
}
