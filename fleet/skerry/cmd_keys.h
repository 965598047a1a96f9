/* SPDX-License-Identifier: Apache-2.0 */
/* What the files cmd_keys*.c share: bringing the home's keysets to skerryd. */
#ifndef SKERRY_CMD_KEYS_H
#define SKERRY_CMD_KEYS_H

#include "skerry/cli.h"

/*
 * Send skerryd the keysets that it has not; then remove the fleet keys from server/ that do not count any more. *sent: how many it took.
 * 0, or an error as of client_call().
 */
int keys_push(const struct home *home, size_t *sent, struct fleet_error *error) __attribute__((warn_unused_result));

#endif
