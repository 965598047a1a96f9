/* SPDX-License-Identifier: Apache-2.0 */
#include "flash.h"

#include <string.h>
#include <sys/mman.h>

#include "ota/err.h"

/* Pages that nobody wrote to cost nothing. */
int sim_flash_init(struct sim_flash *flash, uint32_t sectors)
{
	void *bytes = mmap(NULL, (size_t)sectors * SIM_SECTOR, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (bytes == MAP_FAILED)
		return -OTA_E_MEMORY;
	flash->bytes = bytes;
	flash->sectors = sectors;
	return 0;
}

void sim_flash_free(struct sim_flash *flash)
{
	if (flash->bytes)
		(void)munmap(flash->bytes, (size_t)flash->sectors * SIM_SECTOR);
	flash->bytes = NULL;
}

static int is_outside(const struct sim_flash *flash, uint32_t lba, uint32_t count)
{
	return (uint64_t)lba + count > flash->sectors;
}

int sim_flash_read(const struct sim_flash *flash, uint32_t lba, void *buf, uint32_t count)
{
	if (is_outside(flash, lba, count))
		return -OTA_E_IO;
	memcpy(buf, flash->bytes + (size_t)lba * SIM_SECTOR, (size_t)count * SIM_SECTOR);
	return 0;
}

int sim_flash_write(struct sim_flash *flash, uint32_t lba, const void *buf, uint32_t count)
{
	if (is_outside(flash, lba, count))
		return -OTA_E_IO;
	memcpy(flash->bytes + (size_t)lba * SIM_SECTOR, buf, (size_t)count * SIM_SECTOR);
	return 0;
}
