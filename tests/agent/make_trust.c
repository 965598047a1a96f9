/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: what the fleet's keys sign (SPEC §11), as base64url, under the keys of fake_trust.h and the release key of provision_image.
 *   make_trust keyset VERSION RELEASE-KEY (x‖y as hex)
 *   make_trust assignment DEVICE KEYSET-VERSION SEQUENCE DIGEST (hex, or "-": nothing) [NONCE]
 * Good for a week; issued as many seconds after the keyset as the sequence says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/fake_trust.h"

enum { WEEK_S = 7 * 86400 };

static void hex_read(const char *text, uint8_t *out, size_t len)
{
	if (strlen(text) != 2 * len)
		exit(2);
	for (size_t i = 0; i < len; i++) {
		const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

static int print_base64url(const uint8_t *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t bit = 0; bit < len * 8; bit += 6) {
		size_t at = bit / 8;
		unsigned int pair = (unsigned int)data[at] << 8 | (at + 1 < len ? data[at + 1] : 0U);

		(void)putchar(digits[pair >> (10 - bit % 8) & 63]);
	}
	return printf("\n") < 0;
}

static int keyset_print(char **argv)
{
	static struct fake_keyset keyset;

	fake_keyset_make(&keyset, (uint32_t)strtoul(argv[2], NULL, 10));
	hex_read(argv[3], keyset.keyset.release.keys[0], OTA_KEY_BYTES);
	fake_keyset_sign(&keyset, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1}, 2);
	return print_base64url(keyset.envelope, keyset.len);
}

static int assignment_print(int argc, char **argv)
{
	static struct fake_assignment assignment;
	struct ota_assignment *says = &assignment.says;
	uint8_t digest[32];
	bool has = strcmp(argv[5], "-") != 0;

	if (has)
		hex_read(argv[5], digest, sizeof(digest));
	fake_assignment_make(&assignment, has ? digest : NULL, strtoull(argv[4], NULL, 10));
	says->keyset_version = (uint32_t)strtoul(argv[3], NULL, 10);
	says->issued_s += (says->keyset_version - 1) * 86400;
	says->expires_s = says->issued_s + WEEK_S;
	(void)snprintf(says->device_id, sizeof(says->device_id), "%s", argv[2]);
	if (argc > 6) {
		says->nonce_len = strlen(argv[6]);
		memcpy(says->nonce, argv[6], says->nonce_len);
	}
	fake_assignment_sign(&assignment, (const unsigned[]){FAKE_FLEET}, 1);
	return print_base64url(assignment.envelope, assignment.len);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "keyset") == 0)
		return keyset_print(argv);
	if (argc >= 6 && argc <= 7 && strcmp(argv[1], "assignment") == 0)
		return assignment_print(argc, argv);
	return 2;
}
