/* SPDX-License-Identifier: Apache-2.0 */
/* What the HTTPS server stands on: a listening socket, a certificate with its key. Checked here, so that what is wrong has a name. */
#ifndef SKERRYD_HTTP_LISTEN_H
#define SKERRYD_HTTP_LISTEN_H

#include <stdbool.h>

#include "shared/file.h"
#include "skerryd/settings.h"

struct http_listen {
	int fd;
	struct file_bytes cert, key; /* PEM */
};

/* 0 or -1: then nothing is open. */
int http_listen_open(struct http_listen *listen, const struct settings *settings, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Wipes the key; `socket_too`: also closes the socket, which the server has not taken over. */
void http_listen_close(struct http_listen *listen, bool socket_too);

#endif
