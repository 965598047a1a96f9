/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "ota/provision.h"

static uint8_t key_der[121], cert_der[400], ca_der[2][500];
static struct ota_provision who;
static uint8_t image[OTA_PROVISION_BYTES_MAX];
static size_t image_len;

static int device_up(void **state)
{
	(void)state;
	memset(key_der, 0x30, sizeof(key_der));
	memset(cert_der, 0x31, sizeof(cert_der));
	memset(ca_der, 0x32, sizeof(ca_der));
	memset(&who, 0, sizeof(who));
	strcpy(who.device_id, "Kitchen-1_a");
	who.key = (struct ota_bytes){key_der, sizeof(key_der)};
	who.cert = (struct ota_bytes){cert_der, sizeof(cert_der)};
	who.cas[0] = (struct ota_bytes){ca_der[0], sizeof(ca_der[0])};
	who.cas[1] = (struct ota_bytes){ca_der[1], 9};
	who.ca_count = 2;
	strcpy(who.broker_host, "broker.example");
	who.broker_port = 8883;
	strcpy(who.topic_prefix, "skerry/things");
	memset(who.vendor_id, 1, 16);
	memset(who.class_id, 2, 16);
	memset(who.release_keys, 3, sizeof(who.release_keys));
	who.release_key_count = 2;
	strcpy(who.board, "qemu-virt");
	who.time_floor_s = 1795000000;
	assert_int_equal(ota_provision_encode(&who, image, sizeof(image), &image_len), 0);
	return 0;
}

static int decode_exact(size_t len, struct ota_provision *out)
{
	uint8_t *copy = malloc(len ? len : 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, image, len);
	error = ota_provision_decode(copy, len, out);
	free(copy);
	return error;
}

static void every_member_survives(void **state)
{
	struct ota_provision out;

	(void)state;
	assert_int_equal(image_len % 512, 0);
	assert_true(ota_provision_payload_bytes(image) > 1000);
	assert_int_equal(ota_provision_decode(image, sizeof(image), &out), 0);
	assert_string_equal(out.device_id, "Kitchen-1_a");
	assert_int_equal(out.key.len, sizeof(key_der));
	assert_memory_equal(out.key.data, key_der, sizeof(key_der));
	assert_int_equal(out.cert.len, sizeof(cert_der));
	assert_int_equal(out.ca_count, 2);
	assert_int_equal(out.cas[1].len, 9);
	assert_string_equal(out.broker_host, "broker.example");
	assert_int_equal(out.broker_port, 8883);
	assert_string_equal(out.topic_prefix, "skerry/things");
	assert_memory_equal(out.vendor_id, who.vendor_id, 16);
	assert_memory_equal(out.class_id, who.class_id, 16);
	assert_int_equal(out.release_key_count, 2);
	assert_memory_equal(out.release_keys[1], who.release_keys[1], 64);
	assert_string_equal(out.board, "qemu-virt");
	assert_true(out.time_floor_s == 1795000000);
}

static void any_flipped_bit_is_refused(void **state)
{
	size_t used = 512 + (size_t)ota_provision_payload_bytes(image);
	struct ota_provision out;

	(void)state;
	for (size_t i = 0; i < used; i++) {
		if (i == 48)
			i = 512; /* the rest of the head is reserved: ignored */
		if (i >= 12 && i < 16)
			continue; /* likewise */
		image[i] ^= 0x20;
		assert_int_equal(decode_exact(image_len, &out), -OTA_E_PROVISION);
		image[i] ^= 0x20;
	}
	assert_int_equal(decode_exact(image_len, &out), 0);
}

static void truncated_or_empty_partition_is_refused(void **state)
{
	struct ota_provision out;

	(void)state;
	for (size_t len = 0; len < 512 + (size_t)ota_provision_payload_bytes(image); len += 7)
		assert_int_equal(decode_exact(len, &out), -OTA_E_PROVISION);
	memset(image, 0, sizeof(image));
	assert_int_equal(ota_provision_decode(image, sizeof(image), &out), -OTA_E_PROVISION);
	memset(image, 0xff, sizeof(image));
	assert_int_equal(ota_provision_decode(image, sizeof(image), &out), -OTA_E_PROVISION);
}

static void lying_length_is_refused(void **state)
{
	static const uint32_t lengths[] = {0, OTA_PROVISION_PAYLOAD_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff};
	struct ota_provision out;

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		for (unsigned b = 0; b < 4; b++)
			image[8 + b] = (uint8_t)(lengths[i] >> 8 * b);
		assert_int_equal(ota_provision_payload_bytes(image), -OTA_E_PROVISION);
		assert_int_equal(ota_provision_decode(image, sizeof(image), &out), -OTA_E_PROVISION);
	}
}

static void assert_not_encoded(void)
{
	assert_int_equal(ota_provision_encode(&who, image, sizeof(image), &image_len), -OTA_E_ARG);
}

static void members_out_of_range_are_not_encoded(void **state)
{
	static const char *const ids[] = {"", "a/b", "a+b", "a b", "\xc3\xa9", "#"};
	static const char *const prefixes[] = {"", "/a", "a/", "a/+/b", "a/#"};

	for (size_t i = 0; i < COUNT(ids); i++) {
		device_up(state);
		strcpy(who.device_id, ids[i]);
		assert_not_encoded();
	}
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		device_up(state);
		strcpy(who.topic_prefix, prefixes[i]);
		assert_not_encoded();
	}
	device_up(state), who.broker_port = 0, assert_not_encoded();
	device_up(state), who.ca_count = 0, assert_not_encoded();
	device_up(state), who.ca_count = OTA_PROVISION_CAS_MAX + 1, assert_not_encoded();
	device_up(state), who.release_key_count = 0, assert_not_encoded();
	device_up(state), who.release_key_count = OTA_PROVISION_KEYS_MAX + 1, assert_not_encoded();
	device_up(state), who.key.len = 0, assert_not_encoded();
}

static void too_small_a_buffer_is_said_so(void **state)
{
	(void)state;
	assert_int_equal(ota_provision_encode(&who, image, 1024, &image_len), -OTA_E_TOO_LONG);
	assert_int_equal(ota_provision_encode(&who, image, 100, &image_len), -OTA_E_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_member_survives, device_up),
		cmocka_unit_test_setup(any_flipped_bit_is_refused, device_up),
		cmocka_unit_test_setup(truncated_or_empty_partition_is_refused, device_up),
		cmocka_unit_test_setup(lying_length_is_refused, device_up),
		cmocka_unit_test_setup(members_out_of_range_are_not_encoded, device_up),
		cmocka_unit_test_setup(too_small_a_buffer_is_said_so, device_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
