/* SPDX-License-Identifier: Apache-2.0 */
/* What the boot loader said: /chosen/skerry of the device tree (ota/SPEC.md §5), copied at boot; and the board's serial number. */
#ifndef KERNEL_BOOTINFO_H
#define KERNEL_BOOTINFO_H

#include <stdbool.h>
#include <stdint.h>

struct flash_range {
	uint32_t lba, sectors; /* sectors = 0: the map has none */
};

enum boot_mode { BOOT_NORMAL, BOOT_TRIAL, BOOT_SAFE };

struct bootinfo {
	char serial
		[65]; /* the root's property serial-number (DT spec, 2.3); "": none, or not 1 to 64 printable ASCII characters */
	bool present; /* false: started without the boot loader; all else zero */
	uint32_t boot_record_lba[2];
	struct flash_range crash, state, trust, identity, provision, kv, slot[2];
	uint8_t slot_index; /* 0 = a, 1 = b */
	enum boot_mode mode;
	uint8_t digest[32];
	uint32_t image_bytes, security_counter, version[3], boots, starts, cause;
	uint64_t uboot_entry_ticks, uboot_exit_ticks, kernel_entry_ticks;
};

const struct bootinfo *bootinfo(void);

/* The build id of this image: 20 bytes, as in the ELF's note; hex, static, NUL-terminated. */
const char *build_id_hex(void);

#endif
