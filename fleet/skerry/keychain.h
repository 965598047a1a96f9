/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The home's keysets (SPEC §11): keysets/1.keyset, 2.keyset …, each signed by the roots of the one before. The last is who counts now.
 * Every call: 0 or -1 with *error.
 */
#ifndef SKERRY_KEYCHAIN_H
#define SKERRY_KEYCHAIN_H

#include "ota/keyset.h"
#include "shared/signers.h"

enum keychain_role { KEYCHAIN_ROOT, KEYCHAIN_RELEASE, KEYCHAIN_FLEET, KEYCHAIN_ROLES };

/* "root", "release", "fleet" */
extern const char *const keychain_role_names[KEYCHAIN_ROLES];
/* False: no such role. */
bool keychain_role_parse(const char *name, enum keychain_role *role);
/* The most keys that it may have. */
size_t keychain_role_max(enum keychain_role role);
struct ota_role *keychain_role(struct ota_keyset *keyset, enum keychain_role role);

/* A keyset as its file has it. */
struct keychain_link {
	struct ota_keyset keyset;
	struct sealed bytes;
};

/* Read `path` and check that its own roots signed it. */
int keychain_read(const char *path, struct keychain_link *link, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* The newest of the home; all before it are checked, step by step. */
int keychain_newest(const struct home *home, struct keychain_link *newest, struct fleet_error *error)
	__attribute__((warn_unused_result));
bool keychain_exists(const struct home *home);

/*
 * Sign `next->keyset` with the roots at hand, of itself and of `held` (NULL: it is a first one), and check it as a device would. Nothing is written.
 */
int keychain_seal(struct signers *signers, const struct ota_keyset *held, struct keychain_link *next,
	struct fleet_error *error) __attribute__((warn_unused_result));
/* Write it into the home: it counts from now on. */
int keychain_save(const struct home *home, const struct keychain_link *link, struct fleet_error *error)
	__attribute__((warn_unused_result));

/* A new key that belongs to `role`, saved as DIR/ROLE-N.key and .pub with the first free N. */
int keychain_save_key(struct signer *signer, const char *dir, enum keychain_role role, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Take back what keychain_save_key() wrote. */
void keychain_drop_key(struct signer *signer);
/* Where private keys of the role are kept in the home. */
struct home_path keychain_folder(const struct home *home, enum keychain_role role);

/* What a first keyset is made of. */
struct keychain_plan {
	uint64_t roots, root_threshold;
};
/* Make roots, release key and fleet key in folder `dir`, of which the home is made, and the keyset of version 1. */
int keychain_init(const struct home *dir, const struct keychain_plan *plan, struct fleet_error *error)
	__attribute__((warn_unused_result));

/* A key id as text. */
#define KEYCHAIN_KID_TEXT (2 * OTA_KID_BYTES + 1)
void keychain_kid_text(const uint8_t point[OTA_KEY_BYTES], char text[KEYCHAIN_KID_TEXT]);

#endif
