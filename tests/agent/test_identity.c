/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include "test.h"

#define SECTORS 128

static uint8_t flash[SECTORS * 512];
static bool flash_fails;

static int fake_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	(void)ctx;
	assert_true(lba + count <= SECTORS);
	memcpy(buf, flash + lba * 512, count * 512);
	return flash_fails ? -OTA_E_IO : 0;
}

static const struct ota_port port = {.blk_read = fake_read};
static const struct ota_range where = {8, 32};

static int load(struct identity *identity, struct ota_range range)
{
	return identity_load(identity, &port, NULL, &(struct identity_map){.provision = range});
}

/* A provisioning with a key of `key_len` bytes at LBA 8. */
static int provision(size_t key_len)
{
	static const uint8_t bytes[20000] = {0x30};
	struct ota_provision in = {
		.device_id = "dev-1",
		.key = {bytes, key_len},
		.cert = {bytes, 300},
		.cas = {{bytes, 200}},
		.ca_count = 1,
		.broker_host = "broker.example",
		.broker_port = 8883,
		.topic_prefix = "skerry/things",
		.keyset = {bytes, 700},
		.board = "qemu-virt",
		.time_floor_s = 1795000000,
	};
	size_t len;

	flash_fails = false;
	memset(flash, 0, sizeof(flash));
	return ota_provision_encode(&in, flash + 8 * 512, sizeof(flash) - 8 * 512, &len);
}

static void loads_what_was_provisioned(void **state)
{
	struct identity identity;

	(void)state;
	assert_int_equal(provision(121), 0);
	assert_int_equal(load(&identity, where), 0);
	assert_string_equal(identity.provision.device_id, "dev-1");
	assert_string_equal(identity.provision.broker_host, "broker.example");
	assert_int_equal(identity.provision.key.len, 121);
	assert_int_equal(identity.provision.ca_count, 1);
	identity_free(&identity);
	assert_null(identity.image);
	identity_free(&identity);
}

static void names_why_there_is_none(void **state)
{
	struct identity identity;

	(void)state;
	assert_int_equal(load(&identity, (struct ota_range){0, 0}), -OTA_E_PROVISION);
	memset(flash, 0, sizeof(flash));
	assert_int_equal(load(&identity, where), -OTA_E_PROVISION);
	memset(flash, 0xff, sizeof(flash));
	assert_int_equal(load(&identity, where), -OTA_E_PROVISION);
	assert_int_equal(provision(121), 0);
	flash[9 * 512 + 5] ^= 1;
	assert_int_equal(load(&identity, where), -OTA_E_PROVISION);
	assert_int_equal(provision(121), 0);
	flash_fails = true;
	assert_int_equal(load(&identity, where), -OTA_E_IO);
	assert_null(identity.image);
}

/* A head that promises more than the partition holds must not make us read what lies behind it. */
static void stays_within_the_partition(void **state)
{
	struct identity identity;

	(void)state;
	assert_int_equal(provision(20000), 0);
	assert_int_equal(load(&identity, where), -OTA_E_PROVISION);
	assert_int_equal(load(&identity, (struct ota_range){8, 120}), 0);
	identity_free(&identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_what_was_provisioned),
		cmocka_unit_test(names_why_there_is_none),
		cmocka_unit_test(stays_within_the_partition),
	};

	return cmocka_run_group_tests_name("agent/identity", tests, NULL, NULL);
}
