/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys at hand, and what they sign together: keysets and assignments (SPEC §11). Every call: 0 or -1 with *error. */
#ifndef SHARED_SIGNERS_H
#define SHARED_SIGNERS_H

#include "ota/keyset.h"
#include "shared/home.h"
#include "shared/key.h"

#define SIGNERS_MAX 24

struct signer {
	mbedtls_pk_context key;
	uint8_t point[OTA_KEY_BYTES];
	char path[HOME_PATH_MAX + 256]; /* "" : not saved yet */
};

/* One signature, as key_sign() makes it. */
typedef int signers_sign(struct key_random *random, mbedtls_pk_context *key, const uint8_t hash[32], uint8_t rs[64],
	struct fleet_error *error);

struct signers {
	struct key_random random;
	signers_sign *sign; /* key_sign(), until another one is put here */
	struct signer items[SIGNERS_MAX];
	size_t count;
};

/* None as yet. Close with signers_close(), on success only. */
int signers_open(struct signers *signers, struct fleet_error *error) __attribute__((warn_unused_result));
void signers_close(struct signers *signers);

/* Take up a PEM file; one whose key is there already counts nothing. */
int signers_add(struct signers *signers, const char *path, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* All of DIR/PREFIX-*.key. A folder that is not there holds none. */
int signers_add_folder(struct signers *signers, const char *dir, const char *prefix, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* A new one, not saved. */
int signers_make(struct signers *signers, struct signer **made, struct fleet_error *error)
	__attribute__((warn_unused_result));

/* Who has this public key; NULL: nobody. */
struct signer *signers_find(struct signers *signers, const uint8_t point[OTA_KEY_BYTES]);
/* How many of the role's keys are at hand. */
size_t signers_count(struct signers *signers, const struct ota_role *role);

/* What is to be signed, by whom. */
struct seal {
	enum ota_signed_kind kind;
	const uint8_t *body; /* in its byte string wrapping */
	size_t body_len;
	const struct ota_role *roles
		[2]; /* the keys of these sign, as far as they are at hand, each role's threshold of them; [1] may be NULL */
};
struct sealed {
	uint8_t bytes[OTA_KEYSET_BYTES_MAX];
	size_t len;
};
int signers_seal(struct signers *signers, const struct seal *seal, struct sealed *out, struct fleet_error *error)
	__attribute__((warn_unused_result));

#endif
