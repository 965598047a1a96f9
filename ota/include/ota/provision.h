/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provisioning partition's bytes (SPEC §7): who the device is, or where it claims to be somebody, and whom it trusts.
 * Written by `skerry device add` and `skerry device disk`, read by the agents. Part of ota_format. Holds the device's private key: never logged.
 */
#ifndef OTA_PROVISION_H
#define OTA_PROVISION_H

#include <stddef.h>
#include <stdint.h>

#include "ota/keyset.h"

#define OTA_PROVISION_HEAD_BYTES    512
#define OTA_PROVISION_PAYLOAD_MAX   (127 * 512)
#define OTA_PROVISION_BYTES_MAX     (OTA_PROVISION_HEAD_BYTES + OTA_PROVISION_PAYLOAD_MAX)
#define OTA_PROVISION_CAS_MAX       4
#define OTA_PROVISION_DEVICE_ID_MAX 65  /* with NUL */
#define OTA_PROVISION_HOST_MAX      254 /* with NUL */
#define OTA_PROVISION_PREFIX_MAX    129 /* with NUL */
#define OTA_PROVISION_BOARD_MAX     33  /* with NUL */
#define OTA_PROVISION_URL_MAX       256 /* with NUL */
#define OTA_PROVISION_TOKEN_MAX     65  /* with NUL */

struct ota_bytes {
	const uint8_t *data;
	size_t len;
};

struct ota_provision {
	char device_id[OTA_PROVISION_DEVICE_ID_MAX]; /* [A-Za-z0-9_-]{1,64} */
	struct ota_bytes key;                        /* device key, P-256, DER (SEC1); secret */
	struct ota_bytes cert;                       /* device certificate, DER */
	struct ota_bytes cas[OTA_PROVISION_CAS_MAX]; /* DER */
	size_t ca_count;                             /* 1.. */
	char broker_host[OTA_PROVISION_HOST_MAX];
	uint16_t broker_port;                        /* not 0 */
	char topic_prefix[OTA_PROVISION_PREFIX_MAX]; /* no leading or trailing '/', no wildcard */
	uint8_t vendor_id[16], class_id[16];
	struct ota_bytes
		keyset; /* the first one's envelope, 1..OTA_KEYSET_BYTES_MAX bytes; what is in it is looked at by who uses it */
	char board[OTA_PROVISION_BOARD_MAX];
	uint64_t time_floor_s; /* unix time */
	/*
	 * Either the device has an identity from the start, then both are ""; or it claims one, then device_id is "" and key and
	 * cert are empty.
	 */
	char claim_url[OTA_PROVISION_URL_MAX];     /* https */
	char claim_token[OTA_PROVISION_TOKEN_MAX]; /* [A-Za-z0-9_-]{16,64}; secret */
};

/* Bytes of payload that the head sector `head[512]` announces: > 0, or -OTA_E_PROVISION when it is no valid head. */
__attribute__((warn_unused_result)) int ota_provision_payload_bytes(const uint8_t *head);

/*
 * Read `image[len]`, the partition's head and payload (trailing bytes after the payload are allowed and ignored).
 * Byte strings are borrowed from `image`. 0 or -OTA_E_PROVISION.
 */
__attribute__((warn_unused_result)) int ota_provision_decode(
	const uint8_t *image, size_t len, struct ota_provision *out);

/*
 * Encode head and payload, padded with zeroes to whole sectors. 0, -OTA_E_ARG (a member out of its range) or
 * -OTA_E_TOO_LONG (`cap` too small); on an error nothing usable is in `buf`.
 */
__attribute__((warn_unused_result)) int ota_provision_encode(
	const struct ota_provision *provision, uint8_t *buf, size_t cap, size_t *len);

#endif
