/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: makes a provisioning partition (SPEC §7) out of DER files.
 *   provision_image OUT DEVICE KEY CERT CA BROKER-HOST BROKER-PORT RELEASE-KEY (x‖y as hex, or "-": any)
 * Its keyset is that of fake_trust.h, but for the release key.
 * Vendor and class are those of vendor skerry.invalid and board qemu-virt (VENDOR_ID and CLASS_ID as hex in the environment).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/fake_trust.h"
#include "ota/err.h"
#include "ota/provision.h"

static struct ota_bytes file_read(const char *path)
{
	static uint8_t files[3][8192];
	static size_t count;
	uint8_t *data = files[count++];
	FILE *file = fopen(path, "rb");
	size_t len;

	if (!file) {
		perror(path);
		exit(1);
	}
	len = fread(data, 1, sizeof(files[0]), file);
	(void)fclose(file);
	return (struct ota_bytes){data, len};
}

static void hex_read(const char *text, uint8_t *out, size_t len)
{
	if (!text || strlen(text) != 2 * len) {
		(void)fprintf(stderr, "provision_image: %zu hex digits expected\n", 2 * len);
		exit(1);
	}
	for (size_t i = 0; i < len; i++) {
		const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

int main(int argc, char **argv)
{
	static uint8_t image[OTA_PROVISION_BYTES_MAX];
	static struct fake_keyset keyset;
	struct ota_provision provision = {.ca_count = 1, .topic_prefix = "skerry/things", .board = "qemu-virt"};
	size_t len;
	int error;
	FILE *out;

	if (argc != 9)
		return 2;
	(void)snprintf(provision.device_id, sizeof(provision.device_id), "%s", argv[2]);
	provision.key = file_read(argv[3]);
	provision.cert = file_read(argv[4]);
	provision.cas[0] = file_read(argv[5]);
	(void)snprintf(provision.broker_host, sizeof(provision.broker_host), "%s", argv[6]);
	provision.broker_port = (uint16_t)strtoul(argv[7], NULL, 10);
	fake_keyset_make(&keyset, 1);
	if (strcmp(argv[8], "-") != 0) {
		hex_read(argv[8], keyset.keyset.release.keys[0], OTA_KEY_BYTES);
		fake_keyset_sign(&keyset, (const unsigned[]){FAKE_ROOT, FAKE_ROOT + 1}, 2);
	}
	provision.keyset = (struct ota_bytes){keyset.envelope, keyset.len};
	if (getenv("VENDOR_ID"))
		hex_read(getenv("VENDOR_ID"), provision.vendor_id, sizeof(provision.vendor_id));
	if (getenv("CLASS_ID"))
		hex_read(getenv("CLASS_ID"), provision.class_id, sizeof(provision.class_id));
	error = ota_provision_encode(&provision, image, sizeof(image), &len);
	if (error != 0) {
		(void)fprintf(stderr, "provision_image: %s\n", ota_err_name(error));
		return 1;
	}
	out = fopen(argv[1], "wb");
	return out && fwrite(image, 1, len, out) == len && fclose(out) == 0 ? 0 : 1;
}
