/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/settings.h"

#include <stdio.h>
#include <string.h>

#include "shared/file.h"
#include "shared/text.h"

#define ASSIGNMENT_LIFETIME_S  604800
#define CERTIFICATE_LIFETIME_S 31536000
#define RATE_PER_S             500
#define RATE_BURST             2000
#define DEVICE_RATE_PER_S      50
#define DEVICE_RATE_BURST      200
#define DOWNLOADS_MAX          500
#define ARTIFACT_URL_MAX       180 /* with "/<digest>.fit" still an address that a job may carry */

#define KEPT_MAX_MB 1000

/* One that a file need not have: *value is what counts then. */
static int read_optional(
	struct settings *settings, const char *key, uint64_t max, uint64_t *value, struct fleet_error *error)
{
	return conf_has(&settings->text, key) ? conf_positive(&settings->text, key, max, value, error) : 0;
}

static int read_numbers(struct settings *settings, struct fleet_error *error)
{
	settings->assignment_lifetime_s = ASSIGNMENT_LIFETIME_S;
	settings->certificate_lifetime_s = CERTIFICATE_LIFETIME_S;
	settings->rate_per_s = RATE_PER_S;
	settings->rate_burst = RATE_BURST;
	settings->device_rate_per_s = DEVICE_RATE_PER_S;
	settings->device_rate_burst = DEVICE_RATE_BURST;
	settings->downloads_max = DOWNLOADS_MAX;
	if (conf_positive(&settings->text, "broker-port", 65535, &settings->broker_port, error) < 0 ||
		conf_positive(&settings->text, "http-port", 65535, &settings->http_port, error) < 0 ||
		conf_positive(&settings->text, "step-timeout-s", 31536000, &settings->step_timeout_s, error) < 0)
		return -1;
	if (read_optional(settings, "assignment-lifetime-s", 31536000, &settings->assignment_lifetime_s, error) < 0 ||
		read_optional(settings, "certificate-lifetime-s", 630720000, &settings->certificate_lifetime_s, error) <
			0)
		return -1;
	if (read_optional(settings, "rate-per-s", 1000000, &settings->rate_per_s, error) < 0 ||
		read_optional(settings, "rate-burst", 1000000, &settings->rate_burst, error) < 0)
		return -1;
	if (read_optional(settings, "device-rate-per-s", 1000000, &settings->device_rate_per_s, error) < 0 ||
		read_optional(settings, "downloads-max", 1000000, &settings->downloads_max, error) < 0)
		return -1;
	return read_optional(settings, "device-rate-burst", 1000000, &settings->device_rate_burst, error);
}

static int read_kept(struct settings *settings, struct fleet_error *error)
{
	int rc = 0;
	for (unsigned what = 0; rc == 0 && what < STORE_KEPT_KINDS; what++) {
		char key[32];
		snprintf(key, sizeof key, "%s-max-mb", store_kept_names[what]);
		settings->kept_max_mb[what] = KEPT_MAX_MB;
		rc = read_optional(settings, key, 1000000000, &settings->kept_max_mb[what], error);
	}
	return rc;
}

static int read_texts(struct settings *settings, struct fleet_error *error)
{
	const struct conf *text = &settings->text;
	if (conf_text(text, "broker-host", &settings->broker_host, error) < 0 ||
		conf_text(text, "prefix", &settings->prefix, error) < 0 ||
		conf_text(text, "listen", &settings->listen, error) < 0 ||
		conf_text(text, "artifact-url", &settings->artifact_url, error) < 0)
		return -1;
	if (!text_is_prefix(settings->prefix))
		return fleet_fail(error, "use letters, digits, '_', '-', joined by '/'",
			"'%s': prefix = %s is not a topic prefix", text->path, settings->prefix);
	if (strncmp(settings->artifact_url, "https://", 8) != 0 || strlen(settings->artifact_url) > ARTIFACT_URL_MAX)
		return fleet_fail(error, "devices fetch by https only; give https://HOST:PORT/artifacts",
			"'%s': artifact-url = %s is not an https address of at most %d bytes", text->path,
			settings->artifact_url, ARTIFACT_URL_MAX);
	return 0;
}

/* "yes" or "no"; missing: no. */
static int read_flag(const struct conf *text, const char *key, bool *flag, struct fleet_error *error)
{
	const char *value = "no";
	if (conf_has(text, key) && conf_text(text, key, &value, error) < 0)
		return -1;
	*flag = strcmp(value, "yes") == 0;
	return *flag || strcmp(value, "no") == 0
		       ? 0
		       : fleet_fail(error, "use yes or no", "'%s': %s = %s is neither", text->path, key, value);
}

static int read_webhook(struct settings *settings, struct fleet_error *error)
{
	const struct conf *text = &settings->text;
	settings->webhook_ca = NULL;
	if (conf_has(text, "webhook-ca") && conf_text(text, "webhook-ca", &settings->webhook_ca, error) < 0)
		return -1;
	settings->homeassistant_prefix = "homeassistant";
	if (conf_has(text, "homeassistant-prefix") &&
		conf_text(text, "homeassistant-prefix", &settings->homeassistant_prefix, error) < 0)
		return -1;
	if (!text_is_prefix(settings->homeassistant_prefix))
		return fleet_fail(error, "use letters, digits, '_', '-', joined by '/'",
			"'%s': homeassistant-prefix = %s is not a topic prefix", text->path,
			settings->homeassistant_prefix);
	if (read_flag(text, "homeassistant", &settings->homeassistant, error) < 0)
		return -1;
	return read_flag(text, "webhook-private", &settings->webhook_private, error);
}

static int read_token_hash(struct settings *settings, struct fleet_error *error)
{
	struct home_path path = home_path(&settings->home, HOME_TOKEN_HASH);
	struct file_bytes bytes;
	if (file_read(path.text, 256, &bytes, error) < 0)
		return -1;
	char *hex = (char *)bytes.data;
	hex[strcspn(hex, "\r\n")] = 0;
	bool good = text_unhex(hex, settings->token_hash, sizeof settings->token_hash);
	file_bytes_free(&bytes);
	return good ? 0 : fleet_fail(error, "restore it from a backup", "'%s' is not a SHA-256 in hex", path.text);
}

int settings_load(struct settings *settings, struct fleet_error *error)
{
	if (home_check(&settings->home, error) < 0 ||
		conf_read(home_path(&settings->home, HOME_SERVER_CONF).text, &settings->text, error) < 0)
		return -1;
	if (read_numbers(settings, error) == 0 && read_kept(settings, error) == 0 && read_texts(settings, error) == 0 &&
		read_webhook(settings, error) == 0 && read_token_hash(settings, error) == 0)
		return 0;
	conf_free(&settings->text);
	return -1;
}

void settings_free(struct settings *settings)
{
	conf_free(&settings->text);
}
