/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that kernel.ld defines, in image order. Only their addresses mean something. */
#ifndef KERNEL_IMAGE_H
#define KERNEL_IMAGE_H

#include <stdint.h>

extern char text_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[];
extern char bss_start[], bss_end[];
/* Each stack: an unmapped guard page, then [low, end). */
extern char stack_main_guard[], stack_main_low[], stack_main_end[];
extern char stack_exception_guard[], stack_exception_low[], stack_exception_end[];
extern char stack_emergency_guard[], stack_emergency_low[], stack_emergency_end[];
extern char image_end[];

/* Thread-local storage of the boot thread ends here. */
extern char tls_boot_end[];

/* Initial thread-local storage: [tdata_start, tdata_end) copied, then zero; the *address* of tls_bytes is how many bytes a copy has. */
extern char tdata_start[], tdata_end[], tls_bytes[];

/* The ELF note with the build id. */
extern const uint8_t build_id_note[];

/* Where RAM begins on the board: the device tree lies there when the loader passed none (ELF by QEMU's -kernel). */
extern char board_ram_start[];

#endif
