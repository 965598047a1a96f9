/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/note.h"

struct command *command_send(struct skerryd *server, const char *device, const char *cmd, const char *level)
{
	struct command *command = calloc(1, sizeof *command);
	if (!command)
		return NULL;
	note_random_id(command->id, sizeof command->id);
	snprintf(command->device, sizeof command->device, "%s", device);
	command->next = server->commands;
	server->commands = command;
	outbox_add(&server->outbox, device, "cmd",
		json_pack("{s:s, s:s, s:s*}", "id", command->id, "cmd", cmd, "level", level));
	return command;
}

void command_on_reply(struct skerryd *server, const char *device, const struct message_reply *reply)
{
	for (struct command *command = server->commands; command; command = command->next) {
		if (strcmp(command->id, reply->id) != 0 || strcmp(command->device, device) != 0)
			continue;
		command->answered = true;
		command->ok = reply->ok;
		snprintf(command->error, sizeof command->error, "%s", reply->error ? reply->error : "");
		server->changed |= CHANGED_COMMAND;
	}
}

void command_free(struct skerryd *server, struct command *command)
{
	for (struct command **at = &server->commands; *at; at = &(*at)->next) {
		if (*at == command) {
			*at = command->next;
			break;
		}
	}
	free(command);
}
