/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that claim an identity with an enrolment token and a key of their own (SPEC §13). */
#ifndef SKERRYD_ENROL_H
#define SKERRYD_ENROL_H

#include "skerryd/skerryd.h"

#define ENROL_CSR_MAX 1024 /* bytes of a request */

/* What a device asks for. Borrowed; checked here. */
struct enrol_claim {
	const char *token, *board;
	const char *serial; /* its serial number, NULL: it has none */
	const uint8_t *csr; /* DER */
	size_t csr_len;
};

enum enrol_outcome {
	ENROL_CERTIFIED = 1,
	ENROL_MALFORMED, /* the request */
	ENROL_REFUSED,   /* token unknown, used up, expired; for another board; or the device is revoked */
	ENROL_CONFLICT,  /* another device has the id */
	ENROL_BUSY,      /* too many at once: later */
	ENROL_NO_ISSUER, /* this home cannot certify */
	ENROL_FAILED,    /* the database */
};

/*
 * Certify the device, in a group of its own, durable on return. A key that is known gets its device's certificate again, and costs no use of
 * the token, which must still be there but may be used up or expired. *error says why not (but for ENROL_FAILED).
 */
enum enrol_outcome enrol_claim(struct skerryd *server, const struct enrol_claim *claim, struct store_holder *holder,
	struct store_certificate *certificate, struct fleet_error *error) STORE_CHECK;

/*
 * A device whose connection the broker has authenticated asks for a new certificate, inside a group: issued when its key is the device's, and
 * the last one was not issued just now. Refused, it hears nothing. 0 or -1.
 */
int enrol_renew(struct skerryd *server, const char *device, const uint8_t *csr, size_t csr_len) STORE_CHECK;

/* An id that `pattern` makes: "{key}" becomes the begin of the key's digest (hex), "{serial}" the serial number. False: it is no device id. */
bool enrol_id(const char *pattern, const char *key_digest, const char *serial, char id[65]);

#endif
