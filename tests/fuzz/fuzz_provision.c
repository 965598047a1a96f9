/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provisioning partition. First byte of the input: is the rest the partition as it is, or the payload, around which a
 * right head is put? What was read must be written with the very same bytes.
 */
#include "fuzz.h"
#include "ota/err.h"
#include "ota/provision.h"
#include "ota/verify.h"

static void again_check(const uint8_t *image, const struct ota_provision *provision)
{
	static uint8_t again[OTA_PROVISION_BYTES_MAX];
	size_t used = OTA_PROVISION_HEAD_BYTES + (size_t)ota_provision_payload_bytes(image), len;

	FUZZ_MUST(ota_provision_encode(provision, again, sizeof(again), &len) == 0);
	FUZZ_MUST(len >= used && len % 512 == 0 && len - used < 512);
	FUZZ_MUST(ota_provision_payload_bytes(again) == ota_provision_payload_bytes(image));
	FUZZ_MUST(memcmp(again + OTA_PROVISION_HEAD_BYTES, image + OTA_PROVISION_HEAD_BYTES,
			  used - OTA_PROVISION_HEAD_BYTES) == 0);
}

static void bytes_check(const struct ota_bytes *bytes, const uint8_t *image, size_t len)
{
	FUZZ_MUST(bytes->len > 0 && bytes->data >= image && bytes->data + bytes->len <= image + len);
}

static void image_check(const uint8_t *image, size_t len)
{
	struct ota_provision provision;
	int error = ota_provision_decode(image, len, &provision);

	FUZZ_MUST(error == 0 || error == -OTA_E_PROVISION);
	if (error)
		return;
	FUZZ_MUST(strlen(provision.topic_prefix) - 1 < 128);
	FUZZ_MUST(provision.ca_count - 1 < OTA_PROVISION_CAS_MAX);
	FUZZ_MUST(provision.keyset.len <= OTA_KEYSET_BYTES_MAX);
	bytes_check(&provision.keyset, image, len);
	if (provision.claim_url[0]) {
		FUZZ_MUST(strlen(provision.claim_token) - 16 < 49 && !provision.device_id[0]);
		FUZZ_MUST(provision.key.len == 0 && provision.cert.len == 0);
	} else {
		FUZZ_MUST(strlen(provision.device_id) - 1 < 64);
		bytes_check(&provision.key, image, len);
		bytes_check(&provision.cert, image, len);
	}
	for (size_t i = 0; i < provision.ca_count; i++)
		bytes_check(&provision.cas[i], image, len);
	again_check(image, &provision);
}

/* Magic, format, length, digest (SPEC §7). */
static void payload_check(const uint8_t *payload, size_t len)
{
	uint8_t head[OTA_PROVISION_HEAD_BYTES] = {'S', 'K', 'P', 'V', 1, 0, 0, 0};
	uint8_t *image = malloc(sizeof(head) + len);

	if (!image)
		abort();
	for (unsigned i = 0; i < 4; i++)
		head[8 + i] = (uint8_t)(len >> 8 * i);
	ota_sha256(payload, len, head + 16);
	memcpy(image, head, sizeof(head));
	if (len > 0)
		memcpy(image + sizeof(head), payload, len);
	image_check(image, sizeof(head) + len);
	free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (data[0] & 1)
		payload_check(data + 1, len - 1);
	else
		image_check(data + 1, len - 1);
	return 0;
}
