/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: a role, within a tenant or in all. */
#ifndef SKERRYD_PRINCIPAL_H
#define SKERRYD_PRINCIPAL_H

#include <stdint.h>

/*
 * Each may what those before it may. NOBODY: no token needed. VIEWER reads; OPERATOR changes devices, images and rollouts; ADMIN makes tokens.
 * FLEET_ADMIN, of routes only: an ADMIN of all tenants.
 */
enum role { ROLE_NOBODY = 1, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN, ROLE_FLEET_ADMIN };

struct principal {
	enum role role;
	char name[65];      /* for the audit log: the token's name */
	char tenant[33];    /* "": all tenants */
	char token[17];     /* its id; "": the home's own */
	int64_t expires_at; /* unix seconds, 0: never */
};

#endif
