/* SPDX-License-Identifier: Apache-2.0 */
/* What `skerry init` is told, and the texts it writes: configuration of the CLI, of skerryd and of the broker. */
#ifndef SKERRY_INIT_H
#define SKERRY_INIT_H

#include <stdint.h>

#include "shared/home.h"
#include "shared/key.h"
#include "skerry/keychain.h"

#define INIT_NAMES_MAX 8

struct init_plan {
	struct home home;        /* where it will be in the end: what the paths in the files say */
	const char *broker_host; /* by which devices reach broker and artifact server */
	uint64_t broker_port, http_port;
	const char *listen; /* address both listen on */
	const char *prefix, *vendor;
	const char *names[INIT_NAMES_MAX]; /* further names for the servers' certificates */
	size_t name_count;
	struct keychain_plan keys;
};

/* Write the configuration files into folder `dir`, which will become plan->home. 0 or -1. */
int init_write_confs(const struct init_plan *plan, const struct home *dir, struct fleet_error *error)
	__attribute__((warn_unused_result));

/* ---- init_issuer.c: who certifies devices that claim an identity ---- */

/* Make the issuer's key and certificate in `dir`, and the broker's list of authorities; after the CA's. 0 or -1. */
int init_make_issuer(struct key_random *random, const struct home *dir, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* The same for a home that was made without; its configuration is changed to it. 0 or -1. */
int init_add_issuer(const struct home *home, struct fleet_error *error) __attribute__((warn_unused_result));

#endif
