/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest may not name more chunks than the journal can note, even where one more digest has room in an envelope. */
#include "test.h"

#include <stdbool.h>

#include "fake/fake_image.h"

#define CHUNK_BYTES 4096

static uint8_t digests[OTA_MANIFEST_CHUNKS_MAX * 32];

static uint8_t *find(uint8_t *bytes, size_t len, const void *pattern, size_t pattern_len)
{
	for (size_t i = 0; i + pattern_len <= len; i++)
		if (memcmp(bytes + i, pattern, pattern_len) == 0)
			return bytes + i;
	fail();
	return NULL;
}

/* A byte string whose head is 0x59 and two bytes of length grows by one digest. */
static void string_grow(uint8_t *head)
{
	unsigned int len = ((unsigned int)head[1] << 8 | head[2]) + 32;

	assert_int_equal(head[0], 0x59);
	head[1] = (uint8_t)(len >> 8);
	head[2] = (uint8_t)len;
}

static void one_chunk_too_many_is_refused(void **state)
{
	static uint8_t wrapped[OTA_MANIFEST_BYTES_MAX], grown[OTA_MANIFEST_BYTES_MAX];
	const uint8_t size[] = {0x0e, 0x1a, 0x00, 0x1e, 0x00, 0x00}, chunks[] = {0x59, 0x3c, 0x00};
	const uint8_t common[] = {0x03, 0x59}, sequence[] = {0x41, 0x00, 0x04, 0x59};
	struct ota_manifest manifest = {.counter = 1, .uri = "x", .digest = {1}, .chunk_digests = digests}, parsed;
	size_t len, at;

	(void)state;
	manifest.chunk_bytes = CHUNK_BYTES;
	manifest.chunk_count = OTA_MANIFEST_CHUNKS_MAX;
	manifest.image_bytes = OTA_MANIFEST_CHUNKS_MAX * CHUNK_BYTES;
	assert_int_equal(ota_manifest_encode(&manifest, wrapped, sizeof(wrapped), &len), 0);
	len -= 3;
	assert_int_equal(ota_manifest_parse(wrapped + 3, len, &parsed), 0);
	memcpy(grown, wrapped + 3, len);
	/* One byte more of image, one digest more. */
	find(grown, len, size, sizeof(size))[5] = 1;
	string_grow(find(grown, len, common, sizeof(common)) + 1);
	string_grow(find(grown, len, sequence, sizeof(sequence)) + 3);
	at = (size_t)(find(grown, len, chunks, sizeof(chunks)) - grown);
	string_grow(grown + at);
	memmove(grown + at + 3 + 32, grown + at + 3, len - at - 3);
	assert_int_equal(ota_manifest_parse(grown, len + 32, &parsed), -OTA_E_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_chunk_too_many_is_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
