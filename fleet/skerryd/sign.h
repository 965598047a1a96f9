/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of assignments, one for each device that asks for its job. GnuTLS makes one in 0.1 ms where mbedTLS takes 1.1 ms: of a rollout to 10,000
 * devices that is a sixth of all that skerryd has to do. What a signature is stays in shared/key.h; release and root keys are never here.
 */
#ifndef SKERRYD_SIGN_H
#define SKERRYD_SIGN_H

#include "shared/signers.h"

/* As key_sign(), for a P-256 key; for struct signers' `sign`. */
int sign_quickly(struct key_random *random, mbedtls_pk_context *key, const uint8_t hash[32], uint8_t rs[64],
	struct fleet_error *error) __attribute__((warn_unused_result));

#endif
