/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/provision.h"

#include <stdbool.h>
#include <string.h>

#include "cbor.h"
#include "ota/err.h"
#include "ota/verify.h"

#define MAGIC "SKPV"
enum { HEAD_FORMAT_OFF = 4, HEAD_BYTES_OFF = 8, HEAD_DIGEST_OFF = 16, FORMAT = 1 };

enum key {
	KEY_DEVICE_ID = 1,
	KEY_DEVICE_KEY,
	KEY_DEVICE_CERT,
	KEY_CAS,
	KEY_BROKER_HOST,
	KEY_BROKER_PORT,
	KEY_TOPIC_PREFIX,
	KEY_VENDOR_ID,
	KEY_CLASS_ID,
	KEY_KEYSET,
	KEY_BOARD,
	KEY_TIME_FLOOR,
	KEY_CLAIM_URL,
	KEY_CLAIM_TOKEN,
};

/* Which members there are: all keys in a row, with the identity or with how to claim one. */
struct keys {
	enum key first, last;
};
static const struct keys with_identity = {KEY_DEVICE_ID, KEY_TIME_FLOOR};
static const struct keys with_claim = {KEY_CAS, KEY_CLAIM_TOKEN};

static size_t keys_count(const struct keys *keys)
{
	return (size_t)(keys->last - keys->first) + 1;
}

static uint32_t le32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void le32_put(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

int ota_provision_payload_bytes(const uint8_t *head)
{
	uint32_t len = le32(head + HEAD_BYTES_OFF);

	if (memcmp(head, MAGIC, 4) != 0 || le32(head + HEAD_FORMAT_OFF) != FORMAT)
		return -OTA_E_PROVISION;
	if (len == 0 || len > OTA_PROVISION_PAYLOAD_MAX)
		return -OTA_E_PROVISION;
	return (int)len;
}

/* An id becomes a topic level, a user name and a certificate name. */
static bool is_plain(const char *text, size_t min)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strlen(text);

	return len >= min && strspn(text, alphabet) == len;
}

static bool topic_prefix_ok(const char *prefix)
{
	size_t len = strlen(prefix);

	return len > 0 && prefix[0] != '/' && prefix[len - 1] != '/' && !strpbrk(prefix, "+#");
}

static bool is_claim(const struct ota_provision *p)
{
	return p->claim_url[0] != '\0' || p->claim_token[0] != '\0';
}

static bool identity_ok(const struct ota_provision *p)
{
	return is_plain(p->device_id, 1) && p->key.len > 0 && p->cert.len > 0;
}

static bool claim_ok(const struct ota_provision *p)
{
	return strncmp(p->claim_url, "https://", 8) == 0 && is_plain(p->claim_token, 16) && p->device_id[0] == '\0' &&
	       p->key.len == 0 && p->cert.len == 0;
}

static bool members_ok(const struct ota_provision *p)
{
	if (!(is_claim(p) ? claim_ok(p) : identity_ok(p)) || !topic_prefix_ok(p->topic_prefix))
		return false;
	if (p->broker_host[0] == '\0' || p->broker_port == 0 || p->board[0] == '\0')
		return false;
	if (p->ca_count == 0 || p->keyset.len == 0)
		return false;
	if (p->ca_count > OTA_PROVISION_CAS_MAX || p->keyset.len > OTA_KEYSET_BYTES_MAX)
		return false;
	for (size_t i = 0; i < p->ca_count; i++)
		if (p->cas[i].len == 0)
			return false;
	return true;
}

static struct ota_bytes bytes_read(struct cbor_in *in)
{
	struct cbor_bytes bytes = cbor_bytes(in);
	struct ota_bytes out = {bytes.data, bytes.len};

	return out;
}

static void cas_read(struct cbor_in *in, struct ota_provision *out)
{
	size_t count = cbor_array(in);

	if (count > OTA_PROVISION_CAS_MAX) {
		cbor_fail(in, -OTA_E_PROVISION);
		return;
	}
	out->ca_count = count;
	for (size_t i = 0; i < count; i++)
		out->cas[i] = bytes_read(in);
}

static void member_read(struct cbor_in *in, enum key key, struct ota_provision *out)
{
	switch (key) {
	case KEY_DEVICE_ID:
		cbor_text(in, out->device_id, sizeof(out->device_id));
		break;
	case KEY_DEVICE_KEY:
		out->key = bytes_read(in);
		break;
	case KEY_DEVICE_CERT:
		out->cert = bytes_read(in);
		break;
	case KEY_CAS:
		cas_read(in, out);
		break;
	case KEY_BROKER_HOST:
		cbor_text(in, out->broker_host, sizeof(out->broker_host));
		break;
	case KEY_BROKER_PORT:
		out->broker_port = (uint16_t)cbor_uint(in, UINT16_MAX);
		break;
	case KEY_TOPIC_PREFIX:
		cbor_text(in, out->topic_prefix, sizeof(out->topic_prefix));
		break;
	case KEY_VENDOR_ID:
		cbor_bytes_exact(in, out->vendor_id, sizeof(out->vendor_id));
		break;
	case KEY_CLASS_ID:
		cbor_bytes_exact(in, out->class_id, sizeof(out->class_id));
		break;
	case KEY_KEYSET:
		out->keyset = bytes_read(in);
		break;
	case KEY_BOARD:
		cbor_text(in, out->board, sizeof(out->board));
		break;
	case KEY_TIME_FLOOR:
		out->time_floor_s = cbor_uint(in, INT64_MAX);
		break;
	case KEY_CLAIM_URL:
		cbor_text(in, out->claim_url, sizeof(out->claim_url));
		break;
	case KEY_CLAIM_TOKEN:
		cbor_text(in, out->claim_token, sizeof(out->claim_token));
		break;
	}
}

static int payload_read(const uint8_t *payload, size_t len, struct ota_provision *out)
{
	struct cbor_keys seen = {0};
	const struct keys *keys;
	struct cbor_in in;
	size_t count;

	cbor_read(&in, payload, len);
	count = cbor_map(&in);
	keys = count == keys_count(&with_claim) ? &with_claim : &with_identity;
	if (count != keys_count(keys))
		cbor_fail(&in, -OTA_E_PROVISION);
	for (int key = (int)keys->first; key <= (int)keys->last && !in.error; key++) {
		if (cbor_key(&in, &seen) != key)
			cbor_fail(&in, -OTA_E_PROVISION);
		member_read(&in, (enum key)key, out);
	}
	return cbor_finish(&in) || !members_ok(out) ? -OTA_E_PROVISION : 0;
}

int ota_provision_decode(const uint8_t *image, size_t len, struct ota_provision *out)
{
	uint8_t digest[OTA_SHA256_BYTES];
	const uint8_t *payload;
	int payload_len;

	memset(out, 0, sizeof(*out));
	if (len < OTA_PROVISION_HEAD_BYTES)
		return -OTA_E_PROVISION;
	payload = image + OTA_PROVISION_HEAD_BYTES;
	payload_len = ota_provision_payload_bytes(image);
	if (payload_len < 0 || (size_t)payload_len > len - OTA_PROVISION_HEAD_BYTES)
		return -OTA_E_PROVISION;
	ota_sha256(payload, (size_t)payload_len, digest);
	if (memcmp(digest, image + HEAD_DIGEST_OFF, sizeof(digest)) != 0)
		return -OTA_E_PROVISION;
	return payload_read(payload, (size_t)payload_len, out);
}

static void cas_put(struct cbor_out *out, const struct ota_provision *p)
{
	cbor_put_array(out, p->ca_count);
	for (size_t i = 0; i < p->ca_count; i++)
		cbor_put_bytes(out, p->cas[i].data, p->cas[i].len);
}

static void member_put(struct cbor_out *out, enum key key, const struct ota_provision *p)
{
	cbor_put_int(out, key);
	switch (key) {
	case KEY_DEVICE_ID:
		cbor_put_text(out, p->device_id);
		break;
	case KEY_DEVICE_KEY:
		cbor_put_bytes(out, p->key.data, p->key.len);
		break;
	case KEY_DEVICE_CERT:
		cbor_put_bytes(out, p->cert.data, p->cert.len);
		break;
	case KEY_CAS:
		cas_put(out, p);
		break;
	case KEY_BROKER_HOST:
		cbor_put_text(out, p->broker_host);
		break;
	case KEY_BROKER_PORT:
		cbor_put_int(out, p->broker_port);
		break;
	case KEY_TOPIC_PREFIX:
		cbor_put_text(out, p->topic_prefix);
		break;
	case KEY_VENDOR_ID:
		cbor_put_bytes(out, p->vendor_id, sizeof(p->vendor_id));
		break;
	case KEY_CLASS_ID:
		cbor_put_bytes(out, p->class_id, sizeof(p->class_id));
		break;
	case KEY_KEYSET:
		cbor_put_bytes(out, p->keyset.data, p->keyset.len);
		break;
	case KEY_BOARD:
		cbor_put_text(out, p->board);
		break;
	case KEY_TIME_FLOOR:
		cbor_put_int(out, (int64_t)p->time_floor_s);
		break;
	case KEY_CLAIM_URL:
		cbor_put_text(out, p->claim_url);
		break;
	case KEY_CLAIM_TOKEN:
		cbor_put_text(out, p->claim_token);
		break;
	}
}

int ota_provision_encode(const struct ota_provision *p, uint8_t *buf, size_t cap, size_t *len)
{
	size_t room = cap > OTA_PROVISION_BYTES_MAX ? OTA_PROVISION_BYTES_MAX : cap - cap % 512;
	const struct keys *keys = is_claim(p) ? &with_claim : &with_identity;
	struct cbor_out out;
	struct ota_provision parsed;

	if (!members_ok(p) || p->time_floor_s > INT64_MAX)
		return -OTA_E_ARG;
	if (room <= OTA_PROVISION_HEAD_BYTES)
		return -OTA_E_TOO_LONG;
	memset(buf, 0, room);
	out = (struct cbor_out){buf + OTA_PROVISION_HEAD_BYTES, room - OTA_PROVISION_HEAD_BYTES, 0, false};
	cbor_put_map(&out, keys_count(keys));
	for (int key = (int)keys->first; key <= (int)keys->last; key++)
		member_put(&out, (enum key)key, p);
	if (out.overflow)
		return -OTA_E_TOO_LONG;
	memcpy(buf, MAGIC, 4);
	le32_put(buf + HEAD_FORMAT_OFF, FORMAT);
	le32_put(buf + HEAD_BYTES_OFF, (uint32_t)out.len);
	ota_sha256(out.buf, out.len, buf + HEAD_DIGEST_OFF);
	if (ota_provision_decode(
		    buf, room, &parsed)) /* the device's reader is the judge, e.g. of text that is not ASCII */
		return -OTA_E_ARG;
	*len = OTA_PROVISION_HEAD_BYTES + (out.len + 511) / 512 * 512;
	return 0;
}
