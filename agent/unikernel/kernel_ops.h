/* SPDX-License-Identifier: Apache-2.0 */
/* struct agent_ops over the kernel's devices, app port, log and memory. ctx is not used: the kernel has one of each. */
#ifndef AGENT_UNIKERNEL_KERNEL_OPS_H
#define AGENT_UNIKERNEL_KERNEL_OPS_H

#include "agent.h"

extern const struct agent_ops kernel_ops;

/* Streams over kernel/net.h (stream_net.c). */
extern const struct stream_ops stream_net_ops;

#endif
