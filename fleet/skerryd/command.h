/* SPDX-License-Identifier: Apache-2.0 */
/* Commands to a device (SPEC §8, T/cmd) and the requests that wait for the answer. In memory only. */
#ifndef SKERRYD_COMMAND_H
#define SKERRYD_COMMAND_H

#include "skerryd/message.h"
#include "skerryd/skerryd.h"

struct command {
	struct command *next;
	char id[17], device[65];
	bool answered, ok;
	char error[129];
};

/* Publish `cmd` (level NULL: none) and wait for its answer. NULL: out of memory. Free with command_free(). */
struct command *command_send(struct skerryd *server, const char *device, const char *cmd, const char *level);
/* An answer that nobody waits for is ignored. */
void command_on_reply(struct skerryd *server, const char *device, const struct message_reply *reply);
void command_free(struct skerryd *server, struct command *command);

#endif
