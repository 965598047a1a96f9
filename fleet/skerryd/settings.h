/* SPDX-License-Identifier: Apache-2.0 */
/* What skerryd is told: the home's server/skerryd.conf and the token's hash. Read once, at start. */
#ifndef SKERRYD_SETTINGS_H
#define SKERRYD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/conf.h"
#include "shared/home.h"
#include "skerryd/store_kept.h"

struct settings {
	struct home home;
	struct conf text; /* owns the strings below */
	const char *broker_host, *prefix, *listen, *artifact_url;
	uint64_t broker_port, http_port, step_timeout_s, assignment_lifetime_s;
	uint64_t rate_per_s, rate_burst;               /* requests of one token */
	uint64_t device_rate_per_s, device_rate_burst; /* messages of one device */
	uint64_t kept_max_mb[STORE_KEPT_KINDS];        /* of the whole fleet, 10^6 bytes */
	uint64_t certificate_lifetime_s;               /* of those that devices get */
	uint64_t downloads_max;                        /* devices that rollouts let fetch at once; 0: no bound */
	uint8_t token_hash[32];                        /* SHA-256 of the operator's token */
	bool verbose;
	bool homeassistant;
	const char *homeassistant_prefix; /* of its discovery */
	bool webhook_private;             /* webhooks may lead to addresses that are not public */
	const char *webhook_ca;           /* PEM file of the CAs of webhooks; NULL: the system's */
};

/* Read and check everything for the located `home`. 0 or -1. Free with settings_free(), on success only. */
int settings_load(struct settings *settings, struct fleet_error *error) __attribute__((warn_unused_result));
void settings_free(struct settings *settings);

#endif
