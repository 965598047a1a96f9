/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's program: owns the network, feeds the watchdog, drives agent/common. Never returns. */
#ifndef AGENT_UNIKERNEL_AGENT_THREAD_H
#define AGENT_UNIKERNEL_AGENT_THREAD_H

void agent_thread(void *arg);

#endif
