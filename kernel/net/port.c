/* SPDX-License-Identifier: Apache-2.0 */
/* What lwIP asks of its host: time, randomness, and what to do when it finds itself broken. */
#include <lwip/opt.h>
#include <lwip/sys.h>
#include <string.h>

#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/time.h"

/* One request to the generator costs milliseconds; its bytes are drawn in bulk. */
#define POOL_WORDS 32

static uint32_t pool[POOL_WORDS];
static size_t pool_left;

u32_t sys_now(void)
{
	return (u32_t)time_now_ms();
}

/* A board without a generator still gets a network; TLS, which needs real randomness, refuses by itself. */
static void pool_fill_weak(void)
{
	static uint64_t state;

	for (size_t i = 0; i < POOL_WORDS; i++) {
		state = (state ^ time_ticks()) * 6364136223846793005ULL + 1442695040888963407ULL;
		pool[i] = (uint32_t)(state >> 32);
	}
}

static void pool_fill(void)
{
	static bool warned;
	struct rng_dev *rng = dev_rng();

	pool_left = POOL_WORDS;
	if (rng && rng->ops->fill(rng, pool, sizeof(pool)) == 0)
		return;
	if (!warned)
		log_line(LOG_WARN, "net: weak-random reason=no-generator");
	warned = true;
	pool_fill_weak();
}

uint32_t net_port_rand(void)
{
	uint32_t value;

	if (pool_left == 0)
		pool_fill();
	value = pool[--pool_left];
	pool[pool_left] = 0;
	return value;
}

_Noreturn void net_port_assert(const char *file, int line)
{
	panic(PANIC_ASSERT, "lwip: %s:%d", file, line);
}
