// SPDX-License-Identifier: GPL-2.0-or-later
/* Sectors of the one disk, and the boot record's two copies on it. */
#include <dm.h>
#include <linux/errno.h>

#include "hook.h"

#define DISK_READS 3

struct blk_desc *skerry_disk(void)
{
	struct udevice *dev;

	if (uclass_first_device_err(UCLASS_BLK, &dev))
		return NULL;
	return dev_get_uclass_plat(dev);
}

/* A read error may pass; a slot that is not read is a slot that is not started. */
int skerry_disk_read(struct blk_desc *disk, u32 lba, u32 sectors, void *buf)
{
	for (unsigned i = 0; i < DISK_READS; i++) {
		if (blk_dread(disk, lba, sectors, buf) == sectors)
			return 0;
		printf("boot: read error lba=0x%x sectors=%u\n", lba, sectors);
	}
	return -EIO;
}

static int record_read(void *ctx, unsigned copy, uint8_t sector[OTA_BOOTREC_BYTES])
{
	const struct skerry_record_ctx *record = ctx;

	if (!skerry_disk_read(record->disk, record->map->record_lba[copy], 1, sector))
		return 0;
	printf("boot: record copy=%u cannot be read\n", copy);
	return -EIO;
}

static int record_write(void *ctx, unsigned copy, const uint8_t sector[OTA_BOOTREC_BYTES])
{
	const struct skerry_record_ctx *record = ctx;

	if (blk_dwrite(record->disk, record->map->record_lba[copy], 1, sector) == 1)
		return 0;
	printf("boot: record copy=%u cannot be written\n", copy);
	return -EIO;
}

/*
 * Nothing to do: U-Boot's virtio driver does not accept VIRTIO_BLK_F_FLUSH, and a device must then make every
 * write stable before it completes it (VIRTIO 1.1, 5.2.6.2). U-Boot's MMC driver does not turn the card's write
 * cache on.
 */
static int record_flush(void *ctx)
{
	return 0;
}

const struct ota_bootrec_ops skerry_record_ops = {record_read, record_write, record_flush};
