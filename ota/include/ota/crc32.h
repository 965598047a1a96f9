/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * CRC-32 of the records on flash: it tells a torn or worn sector from a whole one, and is no protection against
 * anybody.
 */
#ifndef OTA_CRC32_H
#define OTA_CRC32_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32 of data[len] as IEEE 802.3 and zlib have it (reflected 0xEDB88320, start and final value ~0). `data` may
 * be NULL iff len is 0.
 */
uint32_t ota_crc32(const void *data, size_t len);

#endif
