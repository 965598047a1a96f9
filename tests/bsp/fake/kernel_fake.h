/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BSP_KERNEL_FAKE_H
#define TESTS_BSP_KERNEL_FAKE_H

#include <stdint.h>

#include "kernel/dev.h"

struct kernel_fake {
	uint64_t now_ms;
	uint32_t signals; /* raised and not yet waited for */
	void (*irq_handler)(void *arg);
	void *irq_arg;
	struct blk_dev *blk; /* as registered */
	struct net_dev *net;
	struct rng_dev *rng;
	unsigned int log_lines;
	char log_last[256];
};

extern struct kernel_fake kernel_fake;

#endif
