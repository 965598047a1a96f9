/* SPDX-License-Identifier: Apache-2.0 */
#include "ram_flash.h"

#include <assert.h>
#include <string.h>

#include "ota/err.h"

void ram_flash_init(struct ram_flash *flash)
{
	memset(flash, 0, sizeof(*flash));
	flash->cut_at = UINT64_MAX;
	flash->fail_write_lba = flash->stuck_lba = UINT32_MAX;
	flash->random = 1;
}

static uint32_t random_next(struct ram_flash *flash)
{
	flash->random = flash->random * 1664525u + 1013904223u;
	return flash->random >> 16;
}

static bool in_range(uint32_t lba, uint32_t count, uint32_t at)
{
	return at >= lba && at - lba < count;
}

static void sector_write(struct ram_flash *flash, uint32_t lba, const uint8_t *data, size_t len)
{
	memcpy(flash->now[lba], data, len);
	flash->dirty[lba] = true;
}

static void sector_settle(struct ram_flash *flash, uint32_t lba)
{
	uint32_t coin = random_next(flash) % 4;

	if (flash->cache == CACHE_KEPT || (flash->cache == CACHE_MIXED && coin == 0))
		memcpy(flash->durable[lba], flash->now[lba], 512);
	else if (flash->cache == CACHE_MIXED && coin == 1)
		memcpy(flash->durable[lba], flash->now[lba], random_next(flash) % 512);
}

static void power_off(struct ram_flash *flash)
{
	flash->dead = true;
	for (uint32_t lba = 0; lba < RAM_FLASH_SECTORS; lba++)
		if (flash->dirty[lba])
			sector_settle(flash, lba);
}

void ram_flash_power_on(struct ram_flash *flash)
{
	if (flash->dead) {
		memcpy(flash->now, flash->durable, sizeof(flash->now));
		flash->cut_at = UINT64_MAX;
	}
	memset(flash->dirty, 0, sizeof(flash->dirty));
	memcpy(flash->durable, flash->now, sizeof(flash->durable));
	flash->dead = false;
}

int ram_flash_read(struct ram_flash *flash, uint32_t lba, void *buf, uint32_t count)
{
	assert(lba < RAM_FLASH_SECTORS && count <= RAM_FLASH_SECTORS - lba);
	if (flash->dead)
		return -OTA_E_IO;
	if (lba < flash->fail_reads_below && flash->fail_reads > 0) {
		flash->fail_reads -= flash->fail_reads != UINT32_MAX;
		return -OTA_E_IO;
	}
	memcpy(buf, flash->now[lba], (size_t)count * 512);
	return 0;
}

/* A torn write: whole sectors up to some point, there a sector that is half new. */
static void write_torn(struct ram_flash *flash, uint32_t lba, const uint8_t *data, uint32_t count)
{
	uint32_t whole = random_next(flash) % count;

	for (uint32_t i = 0; i < whole; i++)
		sector_write(flash, lba + i, data + (size_t)i * 512, 512);
	sector_write(flash, lba + whole, data + (size_t)whole * 512, 1 + random_next(flash) % 511);
}

int ram_flash_write(struct ram_flash *flash, uint32_t lba, const void *buf, uint32_t count)
{
	bool cut = flash->ops == flash->cut_at;
	const uint8_t *data = buf;

	assert(lba < RAM_FLASH_SECTORS && count > 0 && count <= RAM_FLASH_SECTORS - lba);
	if (flash->dead)
		return -OTA_E_IO;
	flash->ops++;
	if (in_range(lba, count, flash->fail_write_lba))
		return -OTA_E_IO;
	for (uint32_t i = 0; i < count; i++)
		flash->guard_hits += in_range(flash->guard_lba, flash->guard_sectors, lba + i);
	if (cut && flash->moment == CUT_TORN)
		write_torn(flash, lba, data, count);
	for (uint32_t i = 0; i < count && !(cut && flash->moment != CUT_AFTER); i++)
		if (lba + i != flash->stuck_lba)
			sector_write(flash, lba + i, data + (size_t)i * 512, 512);
	if (cut)
		power_off(flash);
	return cut ? -OTA_E_IO : 0;
}

int ram_flash_flush(struct ram_flash *flash)
{
	bool cut = flash->ops == flash->cut_at;

	if (flash->dead)
		return -OTA_E_IO;
	flash->ops++;
	if (cut && flash->moment != CUT_AFTER) {
		power_off(flash);
		return -OTA_E_IO;
	}
	for (uint32_t lba = 0; lba < RAM_FLASH_SECTORS; lba++)
		if (flash->dirty[lba])
			memcpy(flash->durable[lba], flash->now[lba], 512);
	memset(flash->dirty, 0, sizeof(flash->dirty));
	if (cut)
		power_off(flash);
	return cut ? -OTA_E_IO : 0;
}
