/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of all simulated devices over one epoll. A stream belongs to the device for which it was opened; a device can be cut off from the
 * network: what it has is reset, what it opens fails, until it is let back.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <stdbool.h>

#include "stream.h"

extern const struct stream_ops sim_wire_ops;

/* One end of the network: a member of each device. Zeroed = connected. */
struct sim_wire {
	struct stream *streams; /* open ones */
	bool cut;
	uint32_t bytes_per_s; /* 0: no limit */
	uint64_t budget, budget_ms;
	uint64_t resume_ms; /* the budget was used up: when there is more; 0: it was not */
};

/* 0 or -1: no epoll. */
__attribute__((warn_unused_result)) int sim_wire_init(void);

/* From now on `host` is at `address`, "127.0.0.1": as the devices' own network would have it. False: no address, or too many. */
bool sim_wire_resolve(const char *host, const char *address);

/* The device whose streams are opened from now on. */
void sim_wire_enter(struct sim_wire *wire);

/* Cut it off, or let it back. */
void sim_wire_cut(struct sim_wire *wire, bool cut);

/* Wait for at most timeout_ms; ready(ctx, wire) for each device with something to do. */
void sim_wire_wait(int timeout_ms, void (*ready)(void *ctx, struct sim_wire *wire), void *ctx);

#endif
