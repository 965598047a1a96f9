/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fleet's word on what a device should run (SPEC §11), signed by a fleet key. Part of ota_format. The bytes and their signature; whether
 * one is accepted also depends on what was accepted before, which is the core's `trust.c`.
 */
#ifndef OTA_ASSIGNMENT_H
#define OTA_ASSIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/keyset.h"
#include "ota/signed.h"

#define OTA_ASSIGNMENT_BYTES_MAX  512 /* of an envelope */
#define OTA_ASSIGNMENT_NONCE_MAX  32
#define OTA_ASSIGNMENT_SIGNATURES 4

enum ota_scope { OTA_SCOPE_DEVICE = 1, OTA_SCOPE_CLASS = 2 };

struct ota_assignment {
	uint32_t keyset_version;
	uint64_t sequence;            /* ≥ 1 */
	uint64_t issued_s, expires_s; /* unix time; issued < expires */
	enum ota_scope scope;
	char device_id[OTA_DEVICE_ID_MAX]; /* OTA_SCOPE_DEVICE */
	uint8_t class_id[16];              /* OTA_SCOPE_CLASS */
	bool has_digest;                   /* false: nothing is assigned */
	uint8_t digest[32];                /* of the payload */
	uint8_t nonce[OTA_ASSIGNMENT_NONCE_MAX];
	size_t nonce_len; /* 0: none */
};

/* Take apart and read; nothing trusted yet. 0, -OTA_E_TOO_LONG, -OTA_E_FORMAT or -OTA_E_UNSUPPORTED. */
__attribute__((warn_unused_result)) int ota_assignment_open(
	const uint8_t *envelope, size_t len, struct ota_signed *parts, struct ota_assignment *out);

/* Encode the body wrapped in its byte string. 0, -OTA_E_ARG or -OTA_E_TOO_LONG. */
__attribute__((warn_unused_result)) int ota_assignment_encode(
	const struct ota_assignment *assignment, uint8_t *buf, size_t cap, size_t *len);

#endif
