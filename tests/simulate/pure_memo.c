/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two pure functions whose answers are kept, for the same signature and the same sectors are looked at after every power cut, and that takes
 * longer than all the rest: mbedTLS's own mbedtls_ecdsa_verify(), and ota_crc32() of a record's or journal's sector. The whole input is
 * compared, and each new question goes to the real one, so an answer is never another than the real one would give. Linked in with
 * -Wl,--wrap.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecdsa.h>

#include "ota/crc32.h"

enum { NUMBER_BYTES = 32, KEPT_MAX = 64 };

struct question {
	int group;
	uint8_t hash[NUMBER_BYTES], numbers[4][NUMBER_BYTES];
};

static struct {
	struct question question;
	int answer;
} kept[KEPT_MAX];
static size_t kept_count;

int __real_mbedtls_ecdsa_verify(mbedtls_ecp_group *group, const unsigned char *hash, size_t hash_len,
	const mbedtls_ecp_point *key, const mbedtls_mpi *r, const mbedtls_mpi *s);
int __wrap_mbedtls_ecdsa_verify(mbedtls_ecp_group *group, const unsigned char *hash, size_t hash_len,
	const mbedtls_ecp_point *key, const mbedtls_mpi *r, const mbedtls_mpi *s);

int __wrap_mbedtls_ecdsa_verify(mbedtls_ecp_group *group, const unsigned char *hash, size_t hash_len,
	const mbedtls_ecp_point *key, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
	const mbedtls_mpi *numbers[4] = {&key->MBEDTLS_PRIVATE(X), &key->MBEDTLS_PRIVATE(Y), r, s};
	struct question question = {.group = (int)group->id};
	int answer;

	if (hash_len != sizeof(question.hash) || mbedtls_mpi_cmp_int(&key->MBEDTLS_PRIVATE(Z), 1) != 0)
		abort();
	memcpy(question.hash, hash, hash_len);
	for (unsigned i = 0; i < 4; i++)
		if (mbedtls_mpi_write_binary(numbers[i], question.numbers[i], NUMBER_BYTES) != 0)
			abort();
	for (size_t i = 0; i < kept_count; i++)
		if (memcmp(&kept[i].question, &question, sizeof(question)) == 0)
			return kept[i].answer;
	answer = __real_mbedtls_ecdsa_verify(group, hash, hash_len, key, r, s);
	if (kept_count < KEPT_MAX) {
		kept[kept_count].question = question;
		kept[kept_count++].answer = answer;
	}
	return answer;
}

enum { SECTOR_BYTES = 508, SECTORS_KEPT = 4096 };

static struct {
	uint8_t data[SECTOR_BYTES];
	bool known;
	uint32_t crc;
} sectors[SECTORS_KEPT];

uint32_t __real_ota_crc32(const void *data, size_t len);
uint32_t __wrap_ota_crc32(const void *data, size_t len);

static size_t sector_place(const uint8_t *data)
{
	uint64_t hash = 0, word;

	for (size_t i = 0; i + sizeof(word) <= SECTOR_BYTES; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	return hash % SECTORS_KEPT;
}

uint32_t __wrap_ota_crc32(const void *data, size_t len)
{
	size_t at;

	if (len != SECTOR_BYTES)
		return __real_ota_crc32(data, len);
	at = sector_place(data);
	if (!sectors[at].known || memcmp(sectors[at].data, data, len) != 0) {
		memcpy(sectors[at].data, data, len);
		sectors[at].crc = __real_ota_crc32(data, len);
		sectors[at].known = true;
	}
	return sectors[at].crc;
}
