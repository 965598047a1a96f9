/* SPDX-License-Identifier: Apache-2.0 */
#include "flash.h"

#include <stdlib.h>
#include <string.h>

#include "ota/err.h"

#define PAGE_SECTORS 8
#define PAGE_BYTES   (PAGE_SECTORS * SIM_SECTOR)

int sim_flash_init(struct sim_flash *flash, uint32_t sectors)
{
	flash->pages = calloc(sectors / PAGE_SECTORS + 1, sizeof(*flash->pages));
	flash->sectors = sectors;
	return flash->pages ? 0 : -OTA_E_MEMORY;
}

void sim_flash_free(struct sim_flash *flash)
{
	for (uint32_t i = 0; flash->pages && i < flash->sectors / PAGE_SECTORS + 1; i++)
		free(flash->pages[i]);
	free(flash->pages);
	flash->pages = NULL;
}

static int is_outside(const struct sim_flash *flash, uint32_t lba, uint32_t count)
{
	return (uint64_t)lba + count > flash->sectors;
}

int sim_flash_read(const struct sim_flash *flash, uint32_t lba, void *buf, uint32_t count)
{
	uint8_t *out = buf;

	if (is_outside(flash, lba, count))
		return -OTA_E_IO;
	for (uint32_t i = 0; i < count; i++, lba++, out += SIM_SECTOR) {
		const uint8_t *page = flash->pages[lba / PAGE_SECTORS];

		if (page)
			memcpy(out, page + lba % PAGE_SECTORS * SIM_SECTOR, SIM_SECTOR);
		else
			memset(out, 0, SIM_SECTOR);
	}
	return 0;
}

int sim_flash_write(struct sim_flash *flash, uint32_t lba, const void *buf, uint32_t count)
{
	const uint8_t *in = buf;

	if (is_outside(flash, lba, count))
		return -OTA_E_IO;
	for (uint32_t i = 0; i < count; i++, lba++, in += SIM_SECTOR) {
		uint8_t **page = &flash->pages[lba / PAGE_SECTORS];

		if (!*page)
			*page = calloc(1, PAGE_BYTES);
		if (!*page)
			return -OTA_E_MEMORY;
		memcpy(*page + lba % PAGE_SECTORS * SIM_SECTOR, in, SIM_SECTOR);
	}
	return 0;
}
