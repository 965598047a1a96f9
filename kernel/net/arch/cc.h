/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP's view of the compiler and of the kernel (lwIP's contrib documentation: "arch/cc.h"). Implemented in port.c and checksum.c. */
#ifndef KERNEL_NET_ARCH_CC_H
#define KERNEL_NET_ARCH_CC_H

#include <stdint.h>
#include <sys/types.h>

/* lwIP would define its own ssize_t, of another width, if it did not find this. */
#ifndef SSIZE_MAX
#define SSIZE_MAX INT64_MAX
#endif

#define LWIP_NO_CTYPE_H  0
#define LWIP_NO_UNISTD_H 1

/* Ports, query ids and initial sequence numbers must not be guessable (RFC 6056, RFC 6528): 32 random bits. */
uint32_t net_port_rand(void);
#define LWIP_RAND() net_port_rand()

/* The Internet checksum of `len` bytes (RFC 1071), not complemented, as it lies in memory. */
uint16_t net_port_checksum(const void *data, int len);

/* A broken invariant of lwIP is a broken kernel: panics. The line is enough to find it; lwIP's sentences would be 5 KiB. */
_Noreturn void net_port_assert(const char *file, int line);
#define LWIP_PLATFORM_ASSERT(message) net_port_assert(__FILE__, __LINE__)

/* lwIP's diagnostics are switched off in lwipopts.h. */
#define LWIP_PLATFORM_DIAG(arguments) ((void)0)

#endif
