/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices that are let in no more. skerryd drops what they say as soon as their row says so (link.c). The broker is told by its ACL, where skerryd
 * keeps the lines behind a mark of its own, and by SIGHUP: Mosquitto 2.0 reads the ACL anew then, and a connection that stands has no more rights
 * at once, neither to send nor to receive. A list of revoked certificates (crlfile) would be read too, but lets the connection that stands go
 * on, and needs a list signed by the CA, whose key is not here.
 */
#ifndef SKERRYD_REVOKE_H
#define SKERRYD_REVOKE_H

#include "skerryd/skerryd.h"

enum revoke_told {
	REVOKE_TOLD = 1,    /* the broker reads its ACL anew, or had it right already */
	REVOKE_NOT_WRITTEN, /* the ACL cannot be written */
	REVOKE_NO_BROKER,   /* written, but there is no broker of this home to tell: it reads the file when it starts */
};

/* Bring the broker's ACL to what the database says. Outside of a group. */
enum revoke_told revoke_tell_broker(struct skerryd *server);

#endif
