/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The example manifests of draft-ietf-suit-manifest, which others made. They lie beside the project, not in it; where
 * they are absent this test says so and is skipped. All signatures must hold; the strict subset takes none of the
 * manifests, since none has the parameters that an update needs here, and must say "unsupported", not "malformed".
 */
#include "test.h"

#include <ctype.h>
#include <stdio.h>

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>

#include "ota/verify.h"

enum { SKIPPED = 77, EXAMPLES = 6 };

static char folder[512];
static uint8_t keys[1][64];

static char *file_text(const char *name)
{
	static char text[65536];
	char path[600];
	FILE *file;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	len = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[len] = '\0';
	return text;
}

static int key_load(void **state)
{
	const char *pem = file_text("public_key.pem");
	mbedtls_pk_context pk;
	uint8_t point[65];
	size_t len;

	(void)state;
	assert_non_null(pem);
	mbedtls_pk_init(&pk);
	assert_int_equal(mbedtls_pk_parse_public_key(&pk, (const unsigned char *)pem, strlen(pem) + 1), 0);
	assert_int_equal(mbedtls_ecp_write_public_key(
				 mbedtls_pk_ec(pk), MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point, sizeof(point)),
		0);
	memcpy(keys[0], point + 1, 64);
	mbedtls_pk_free(&pk);
	return 0;
}

/* The hex block that follows the next announcement of a signed envelope at or after `*at`. 0: no more. */
static size_t envelope_next(const char **at, uint8_t *out, size_t cap)
{
	const char *heading = strstr(*at, "Envelope with COSE authentication object");
	char digits[3] = "";
	size_t len = 0;

	if (!heading || !(*at = strstr(heading, "~~~\n")))
		return 0;
	for (*at += 4; **at != '~'; (*at)++) {
		if (!isxdigit((unsigned char)**at))
			continue;
		digits[strlen(digits) + 1] = '\0';
		digits[strlen(digits)] = **at;
		if (digits[1]) {
			assert_true(len < cap);
			out[len++] = (uint8_t)strtoul(digits, NULL, 16);
			digits[0] = digits[1] = '\0';
		}
	}
	return len;
}

static void assert_holds_until_changed(uint8_t *bytes, size_t len)
{
	struct ota_envelope envelope;
	struct ota_manifest manifest;

	assert_int_equal(ota_envelope_open(bytes, len, &envelope), 0);
	assert_int_equal(ota_envelope_verify(&envelope, (const uint8_t(*)[64])keys, 1, NULL), OTA_ACCEPTED);
	assert_int_equal(ota_manifest_parse(envelope.manifest, envelope.manifest_len, &manifest), -OTA_E_UNSUPPORTED);
	bytes[len - 1] ^= 1;
	assert_int_equal(ota_envelope_verify(&envelope, (const uint8_t(*)[64])keys, 1, NULL), OTA_REFUSED);
}

static void signatures_of_the_draft_hold(void **state)
{
	unsigned accepted = 0, severed = 0;

	(void)state;
	for (int example = 0; example < EXAMPLES; example++) {
		uint8_t bytes[4096];
		char name[32];
		const char *at;
		size_t len;

		(void)snprintf(name, sizeof(name), "example%d.txt", example);
		at = file_text(name);
		assert_non_null(at);
		while ((len = envelope_next(&at, bytes, sizeof(bytes))) > 0) {
			struct ota_envelope envelope;
			int error = ota_envelope_open(bytes, len, &envelope);

			if (error == -OTA_E_UNSUPPORTED) {
				severed++;
				continue;
			}
			assert_holds_until_changed(bytes, len);
			accepted++;
		}
	}
	printf("signed envelopes: %u accepted, %u with severed members refused as unsupported\n", accepted, severed);
	assert_true(accepted >= 6);
	assert_int_equal(accepted + severed, 7);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_of_the_draft_hold),
	};

	(void)snprintf(folder, sizeof(folder), "%s", argc > 1 ? argv[1] : ".");
	if (!file_text("public_key.pem")) {
		printf("skipped: no SUIT example manifests in %s\n", folder);
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, key_load, NULL);
}
