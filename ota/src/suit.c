/* SPDX-License-Identifier: Apache-2.0 */
#include "suit.h"

#include <string.h>

#include "ota/err.h"

void suit_digest_read(struct cbor_in *outer, uint8_t digest[32])
{
	struct cbor_in in;

	cbor_read_wrapped(&in, outer);
	if (cbor_array(&in) != 2)
		cbor_fail(&in, -OTA_E_FORMAT);
	cbor_expect(&in, COSE_ALG_SHA256, -OTA_E_UNSUPPORTED);
	cbor_bytes_exact(&in, digest, 32);
	cbor_finish_wrapped(&in, outer);
}

void suit_digest_put(struct cbor_out *out, const void *digest)
{
	cbor_put_array(out, 2);
	cbor_put_int(out, COSE_ALG_SHA256);
	cbor_put_bytes(out, digest, 32);
}

void suit_device_id_read(struct cbor_in *in, char out[OTA_DEVICE_ID_MAX])
{
	struct cbor_bytes id = cbor_bytes(in);

	if (id.len == 0 || id.len >= OTA_DEVICE_ID_MAX || memchr(id.data, '\0', id.len)) {
		cbor_fail(in, -OTA_E_FORMAT);
		return;
	}
	memcpy(out, id.data, id.len);
	out[id.len] = '\0';
}
