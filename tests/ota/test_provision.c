/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "ota/provision.h"
#include "ota/verify.h"

static uint8_t key_der[121], cert_der[400], ca_der[2][500];
static struct ota_provision who;
static uint8_t image[OTA_PROVISION_BYTES_MAX];
static size_t image_len;

static uint8_t keyset[600];

static int device_up(void **state)
{
	(void)state;
	memset(keyset, 0x82, sizeof(keyset));
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
	who.keyset = (struct ota_bytes){keyset, sizeof(keyset)};
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
	assert_int_equal(out.keyset.len, sizeof(keyset));
	assert_memory_equal(out.keyset.data, keyset, sizeof(keyset));
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

/* The payload is exchanged, and the digest made to fit: what whoever writes the partition could have written. */
static int payload_exchange(const uint8_t *payload, size_t len)
{
	struct ota_provision out;

	for (unsigned b = 0; b < 4; b++)
		image[8 + b] = (uint8_t)(len >> 8 * b);
	memmove(image + 512, payload, len);
	ota_sha256(image + 512, len, image + 16);
	return ota_provision_decode(image, sizeof(image), &out);
}

static void payload_that_is_no_provisioning_is_refused(void **state)
{
	static const uint8_t none[] = {0xa0}, text[] = {0x63, 'a', 'b', 'c'}, eleven[] = {0xab, 1, 0x61, 'd'};
	static uint8_t payload[OTA_PROVISION_BYTES_MAX];
	size_t len = (size_t)ota_provision_payload_bytes(image);

	memcpy(payload, image + 512, len);
	assert_int_equal(payload_exchange(payload, len), 0);
	payload[0] = 0xab; /* a map of eleven */
	assert_int_equal(payload_exchange(payload, len), -OTA_E_PROVISION);
	payload[0] = 0xac;
	payload[1] = 2; /* the first key is not the device's id */
	assert_int_equal(payload_exchange(payload, len), -OTA_E_PROVISION);
	payload[1] = 1;
	payload[len] = 0;
	assert_int_equal(payload_exchange(payload, len + 1), -OTA_E_PROVISION);
	assert_int_equal(payload_exchange(none, sizeof(none)), -OTA_E_PROVISION);
	assert_int_equal(payload_exchange(text, sizeof(text)), -OTA_E_PROVISION);
	assert_int_equal(payload_exchange(eleven, sizeof(eleven)), -OTA_E_PROVISION);
	(void)state;
}

/* Longer lists than there is room for: the array's head is the byte before the first element. */
static void longer_lists_than_there_is_room_for_are_refused(void **state)
{
	static uint8_t payload[OTA_PROVISION_BYTES_MAX];
	size_t len = (size_t)ota_provision_payload_bytes(image), more = OTA_KEYSET_BYTES_MAX + 1 - sizeof(keyset), cas,
	       at;

	(void)state;
	memcpy(payload, image + 512, len);
	for (cas = 0; memcmp(payload + cas, "\x04\x82\x59\x01\xf4", 5) != 0; cas++)
		assert_in_range(cas, 0, len - 5);
	for (at = 0; memcmp(payload + at, "\x0a\x59\x02\x58", 4) != 0; at++)
		assert_in_range(at, 0, len - 4);
	payload[cas + 1] = 0x80 | (OTA_PROVISION_CAS_MAX + 1);
	assert_int_equal(payload_exchange(payload, len), -OTA_E_PROVISION);
	payload[cas + 1] = 0x82;
	assert_int_equal(payload_exchange(payload, len), 0);
	at += 4; /* the keyset's first byte: more before it, and the length says so */
	memmove(payload + at + more, payload + at, len - at);
	payload[at - 2] = (OTA_KEYSET_BYTES_MAX + 1) >> 8;
	payload[at - 1] = (OTA_KEYSET_BYTES_MAX + 1) & 0xff;
	assert_int_equal(payload_exchange(payload, len + more), -OTA_E_PROVISION);
	payload[at - 2] = OTA_KEYSET_BYTES_MAX >> 8;
	payload[at - 1] = OTA_KEYSET_BYTES_MAX & 0xff;
	memmove(payload + at, payload + at + 1, len + more - at - 1);
	assert_int_equal(payload_exchange(payload, len + more - 1), 0);
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
	device_up(state), who.keyset.len = 0, assert_not_encoded();
	device_up(state), who.keyset.len = OTA_KEYSET_BYTES_MAX + 1, assert_not_encoded();
	device_up(state), who.key.len = 0, assert_not_encoded();
	device_up(state), who.cert.len = 0, assert_not_encoded();
	device_up(state), who.cas[1].len = 0, assert_not_encoded();
	device_up(state), who.broker_host[0] = '\0', assert_not_encoded();
	device_up(state), who.board[0] = '\0', assert_not_encoded();
	device_up(state), who.time_floor_s = UINT64_MAX, assert_not_encoded();
	device_up(state), strcpy(who.broker_host, "br\xc3\xb6ker.example"), assert_not_encoded();
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
		cmocka_unit_test_setup(payload_that_is_no_provisioning_is_refused, device_up),
		cmocka_unit_test_setup(longer_lists_than_there_is_room_for_are_refused, device_up),
		cmocka_unit_test_setup(members_out_of_range_are_not_encoded, device_up),
		cmocka_unit_test_setup(too_small_a_buffer_is_said_so, device_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
