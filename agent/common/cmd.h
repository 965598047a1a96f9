/* SPDX-License-Identifier: Apache-2.0 */
/* Commands from the operator: T/cmd → T/cmd/reply (SPEC §8). */
#ifndef AGENT_CMD_H
#define AGENT_CMD_H

#include "agent.h"

/* Do what payload[len] says and publish the reply. What has no usable id gets no reply. */
void cmd_run(struct agent *agent, const char *payload, size_t len);

#endif
