/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_CANARY_H
#define KERNEL_CANARY_H

#include <stdint.h>

/*
 * Choose the stack protector's canary from the RNG, mixed with `seed` (the loader's, 0 if none) and the counter: never 0.
 * Its caller must not return, for its own canary was the old one. Returns a random word for others to be seeded from.
 */
uint64_t canary_init(uint64_t seed);

#endif
