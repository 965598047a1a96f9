/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: every act of an operator, with who did it. */
#ifndef SKERRYD_AUDIT_H
#define SKERRYD_AUDIT_H

#include "skerryd/principal.h"
#include "skerryd/skerryd.h"

/*
 * Write down an act, inside the group that carries it out: both are there or neither. `action`: "device.attributes"; `object`: "device/ID". Takes the
 * reference of `details`, an object without real numbers and without secrets; NULL: none. 0 or -1.
 */
int audit_add(struct skerryd *server, const struct principal *who, const char *action, const char *object,
	json_t *details) STORE_CHECK;

#endif
