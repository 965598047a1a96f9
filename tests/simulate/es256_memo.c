/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same signature is looked at after every power cut, and that takes longer than all the rest. So the answer of mbedTLS's own
 * mbedtls_ecdsa_verify() is kept per group, hash, key and signature, all of its input: a pure function's answer, and each new question goes to
 * the real one. Linked in with -Wl,--wrap.
 */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecdsa.h>

enum { NUMBER_BYTES = 32, KEPT_MAX = 32 };

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
