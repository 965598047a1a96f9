/* SPDX-License-Identifier: Apache-2.0 */
/* Thread-local storage, local-exec model: errno and its like, one copy per thread. */
#ifndef KERNEL_TLS_H
#define KERNEL_TLS_H

#include <stdint.h>

/* Lay out a fresh copy that ends below `high`. Returns its thread pointer; everything from there up is taken. 16-byte aligned. */
uintptr_t tls_place(uintptr_t high);

/* The boot thread's, before the first use of errno. */
void tls_init(void);

#endif
