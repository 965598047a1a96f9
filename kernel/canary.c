/* SPDX-License-Identifier: Apache-2.0 */
#include "canary.h"

#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/time.h"

/* The compiler's names; it emits calls and loads of these, no header declares them. */
extern uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

uintptr_t __stack_chk_guard = 0x5ca7e7e1d0c7f300;

_Noreturn void __stack_chk_fail(void)
{
	panic(PANIC_STACK_SMASHED, "canary overwritten");
}

__attribute__((no_stack_protector)) uint64_t canary_init(uint64_t seed)
{
	struct rng_dev *rng = dev_rng();
	uint64_t words[2];

	if (!rng || rng->ops->fill(rng, words, sizeof(words))) {
		if (!seed)
			log_line(LOG_WARN, "canary: weak, the board has no random source");
		words[0] = (seed ^ time_ticks()) * 0x9e3779b97f4a7c15ULL;
		words[1] = words[0] * 0xbf58476d1ce4e5b9ULL;
	}
	words[0] ^= seed;
	/* Lowest byte 0: a string function that runs over cannot copy the canary out. The top bit: never 0. */
	__stack_chk_guard = (words[0] & ~0xffULL) | 1ULL << 63;
	return words[1];
}
