/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of an image with the agent. The agent stands first: it attaches to the app before the app runs. */
#include "agent_thread.h"
#include "kernel/app_port.h"
#include "kernel/thread.h"

#define AGENT_STACK_BYTES 32768

const struct program programs[] = {
	{"agent", agent_thread, THREAD_AGENT, AGENT_STACK_BYTES},
	{"app", app_thread, THREAD_APP, APP_STACK_BYTES},
};
const size_t programs_count = sizeof(programs) / sizeof(programs[0]);
