/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated device's flash: sectors in memory, of which only what was written takes room. Lost when the program ends. */
#ifndef SIM_FLASH_H
#define SIM_FLASH_H

#include <stddef.h>
#include <stdint.h>

#define SIM_SECTOR 512

struct sim_flash {
	uint8_t *bytes;
	uint32_t sectors;
};

/* 0, or -OTA_E_MEMORY. */
__attribute__((warn_unused_result)) int sim_flash_init(struct sim_flash *flash, uint32_t sectors);
void sim_flash_free(struct sim_flash *flash);

/* 0, or -OTA_E_IO beyond its end. */
__attribute__((warn_unused_result)) int sim_flash_read(
	const struct sim_flash *flash, uint32_t lba, void *buf, uint32_t count);
__attribute__((warn_unused_result)) int sim_flash_write(
	struct sim_flash *flash, uint32_t lba, const void *buf, uint32_t count);

#endif
