/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fleet's home folder, made by `skerry init` (fleet/README.md draws it). keys/ and operator/ are the operator's; server/ is all that skerryd
 * and the broker read and write.
 */
#ifndef SHARED_HOME_H
#define SHARED_HOME_H

#include "shared/error.h"

#define HOME_PATH_MAX 1024
#define HOME_CONF     "skerry.conf"

#define HOME_CA_KEY    "keys/ca.key"
#define HOME_BOOT_CERT "keys/boot.crt"
#define HOME_TOKEN     "operator/api-token"
#define HOME_ROOTS     "roots"   /* root-N.key */
#define HOME_KEYS      "keys"    /* release-N.key, and more */
#define HOME_KEYSETS   "keysets" /* VERSION.keyset */

#define HOME_ELFS "elf"

#define HOME_SERVER       "server" /* fleet-N.key, and more */
#define HOME_FIRST_KEYSET "server/first.keyset"
#define HOME_CA           "server/ca.pem"
/* What certifies devices that claim an identity: it counts for the broker's clients only. */
#define HOME_ISSUER      "server/issuer.pem"
#define HOME_ISSUER_KEY  "server/issuer.key"
#define HOME_CLIENT_CAS  "server/clients.pem" /* whom the broker believes: the CA and the issuer */
#define HOME_BROKER_PID  "server/mosquitto.pid"
#define HOME_BROKER_ACL  "server/mosquitto.acl"
#define HOME_SERVER_CONF "server/skerryd.conf"
#define HOME_BROKER_CONF "server/mosquitto.conf"
#define HOME_BROKER_TLS  "server/mosquitto.openssl.cnf"
#define HOME_SERVER_CERT "server/skerryd.crt"
#define HOME_SERVER_KEY  "server/skerryd.key"
#define HOME_TOKEN_HASH  "server/api-token.sha256"
#define HOME_ENROL       "server/enrol"
#define HOME_ARTIFACTS   "server/artifacts"
#define HOME_DATABASE    "server/fleet.db"
#define HOME_LOCK        "server/skerryd.lock"

/* The name in skerryd's certificate, so its MQTT user. Holds a '.', which no device id can. */
#define HOME_SERVER_USER "skerryd.server"

struct home {
	char dir[HOME_PATH_MAX]; /* absolute */
};

/*
 * Settle which folder is meant: `option` (NULL: not given), else SKERRY_HOME, else $XDG_DATA_HOME/skerry, else ~/.local/share/skerry.
 * Does not look at the disk, but for the working directory.
 */
int home_locate(struct home *home, const char *option, struct fleet_error *error) __attribute__((warn_unused_result));
/* The located folder is a home: 0, else an error that says how to make one. */
int home_check(const struct home *home, struct fleet_error *error) __attribute__((warn_unused_result));

struct home_path {
	char text[HOME_PATH_MAX + 256];
};
/* `relative`, printf, inside the home. */
struct home_path home_path(const struct home *home, const char *relative, ...) __attribute__((format(printf, 2, 3)));

#endif
