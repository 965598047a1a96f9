/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include <stddef.h>
#include <string.h>

#include "arch/aarch64/cpu.h"
#include "image.h"

/* TLS variant 1: the thread pointer points at two words for a dynamic linker's use, the variables follow. */
#define TCB_BYTES 16

uintptr_t tls_place(uintptr_t high)
{
	size_t bytes = (size_t)tls_bytes, initialised = (size_t)(tdata_end - tdata_start);
	uintptr_t base = (high - bytes) & ~(uintptr_t)15;

	memcpy((void *)base, tdata_start, initialised);
	memset((void *)(base + initialised), 0, bytes - initialised);
	return base - TCB_BYTES;
}

void tls_init(void)
{
	cpu_write(tpidr_el0, tls_place((uintptr_t)tls_boot_end));
}
