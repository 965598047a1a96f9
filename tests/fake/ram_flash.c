/* SPDX-License-Identifier: Apache-2.0 */
#include "ram_flash.h"

#include <assert.h>
#include <string.h>

#include "ota/err.h"

void ram_flash_init(struct ram_flash *flash)
{
	memset(flash, 0, sizeof(*flash));
	flash->fail_write_lba = flash->stuck_lba = flash->stuck_lba_too = flash->stuck_left = UINT32_MAX;
}

static bool in_range(uint32_t lba, uint32_t count, uint32_t at)
{
	return at >= lba && at - lba < count;
}

static void oldest_write_back(struct ram_flash *flash)
{
	memcpy(flash->durable[flash->pending[0].lba], flash->pending[0].data, 512);
	flash->pending_count--;
	memmove(&flash->pending[0], &flash->pending[1], flash->pending_count * sizeof(flash->pending[0]));
}

bool ram_flash_is_stuck(const struct ram_flash *flash, uint32_t lba)
{
	return (lba == flash->stuck_lba || lba == flash->stuck_lba_too) && flash->stuck_left > 0;
}

static void sector_write(struct ram_flash *flash, uint32_t lba, const uint8_t *data)
{
	if (ram_flash_is_stuck(flash, lba)) {
		flash->stuck_left -= flash->stuck_left != UINT32_MAX;
		return;
	}
	if (flash->pending_count == RAM_FLASH_PENDING_MAX)
		oldest_write_back(flash);
	memcpy(flash->now[lba], data, 512);
	flash->pending[flash->pending_count].lba = lba;
	flash->pending[flash->pending_count].op = flash->ops;
	memcpy(flash->pending[flash->pending_count].data, data, 512);
	flash->pending_count++;
}

void ram_flash_power_on(struct ram_flash *flash)
{
	memcpy(flash->durable, flash->now, sizeof(flash->durable));
	flash->pending_count = 0;
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

int ram_flash_write(struct ram_flash *flash, uint32_t lba, const void *buf, uint32_t count)
{
	struct ram_flash_op op = {.lba = lba, .count = count, .data = buf};

	assert(lba < RAM_FLASH_SECTORS && count > 0 && count <= RAM_FLASH_SECTORS - lba);
	if (flash->watch && !flash->dead)
		flash->watch(flash->watch_ctx, &op);
	if (flash->dead)
		return -OTA_E_IO;
	flash->ops++;
	if (in_range(lba, count, flash->fail_write_lba))
		return -OTA_E_IO;
	for (uint32_t i = 0; i < count; i++) {
		flash->guard_hits += in_range(flash->guard_lba, flash->guard_sectors, lba + i);
		sector_write(flash, lba + i, op.data + (size_t)i * 512);
	}
	return 0;
}

int ram_flash_flush(struct ram_flash *flash)
{
	struct ram_flash_op op = {.is_flush = true};

	if (flash->dead)
		return -OTA_E_IO;
	if (flash->watch)
		flash->watch(flash->watch_ctx, &op);
	flash->ops++;
	for (uint32_t i = 0; i < flash->pending_count; i++)
		memcpy(flash->durable[flash->pending[i].lba], flash->pending[i].data, 512);
	flash->pending_count = 0;
	return 0;
}
