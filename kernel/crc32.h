/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_CRC32_H
#define KERNEL_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 of IEEE 802.3, reflected, as zlib's crc32(). */
uint32_t crc32(const void *data, size_t bytes);

#endif
