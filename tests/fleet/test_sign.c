/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that skerryd makes for devices: mbedTLS, which devices have, accepts each. */
#include "skerryd/sign.h"

#include <mbedtls/ecdsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURES 2000 /* one in 128 has a number that begins with a zero byte */

static bool verifies(mbedtls_pk_context *key, const uint8_t hash[32], const uint8_t rs[64])
{
	mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*key);
	mbedtls_ecp_group group;
	mbedtls_ecp_point q;
	mbedtls_mpi d, r, s;
	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&d);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	int rc = mbedtls_ecp_export(pair, &group, &d, &q);
	rc = rc ? rc : mbedtls_mpi_read_binary(&r, rs, 32);
	rc = rc ? rc : mbedtls_mpi_read_binary(&s, rs + 32, 32);
	rc = rc ? rc : mbedtls_ecdsa_verify(&group, hash, 32, &q, &r, &s);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&d);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&group);
	return rc == 0;
}

static void each_signature_is_accepted_by_mbedtls(void **state)
{
	struct key_random random;
	struct fleet_error error;
	mbedtls_pk_context key;
	uint8_t hash[32] = {0}, rs[64], other[64];
	unsigned short_numbers = 0;
	(void)state;
	assert_int_equal(key_random_open(&random, &error), 0);
	assert_int_equal(key_make(&random, &key, &error), 0);
	for (unsigned i = 0; i < SIGNATURES; i++) {
		memcpy(hash, &i, sizeof i);
		assert_int_equal(sign_quickly(&random, &key, hash, rs, &error), 0);
		short_numbers += rs[0] == 0 || rs[32] == 0;
		/* Verifying is slow: those that are at the edge, and some of the others. */
		if (rs[0] == 0 || rs[32] == 0 || i % 50 == 0)
			assert_true(verifies(&key, hash, rs));
	}
	assert_true(short_numbers > 0);
	hash[31] ^= 1;
	assert_false(verifies(&key, hash, rs));
	/* Two of one text differ: the numbers in them are drawn at random, not kept. */
	assert_int_equal(sign_quickly(&random, &key, hash, rs, &error), 0);
	assert_int_equal(sign_quickly(&random, &key, hash, other, &error), 0);
	assert_memory_not_equal(rs, other, sizeof rs);
	mbedtls_pk_free(&key);
	key_random_close(&random);
}

static void a_key_of_another_kind_is_refused(void **state)
{
	struct key_random random;
	struct fleet_error error;
	mbedtls_pk_context key;
	uint8_t hash[32] = {0}, rs[64];
	(void)state;
	assert_int_equal(key_random_open(&random, &error), 0);
	mbedtls_pk_init(&key);
	assert_int_equal(mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
	assert_int_equal(mbedtls_ecp_gen_key(
				 MBEDTLS_ECP_DP_SECP384R1, mbedtls_pk_ec(key), mbedtls_ctr_drbg_random, &random.drbg),
		0);
	assert_int_equal(sign_quickly(&random, &key, hash, rs, &error), -1);
	assert_string_equal(error.cause, "the key is not a P-256 key");
	mbedtls_pk_free(&key);
	key_random_close(&random);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_signature_is_accepted_by_mbedtls),
		cmocka_unit_test(a_key_of_another_kind_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
