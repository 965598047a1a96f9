/* SPDX-License-Identifier: Apache-2.0 */
/* Data cache maintenance by address, to the point of coherency. Ranges are widened to whole cache lines. */
#ifndef KERNEL_ARCH_CACHE_H
#define KERNEL_ARCH_CACHE_H

#include <stddef.h>

/* Drop lines without writing them back: whatever shares a line with the range's ends must hold nothing worth keeping. */
void cache_invalidate(const void *start, size_t bytes);

#endif
