/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to address 0. */
#include "kernel/app.h"

int app_main(void)
{
	volatile int *nowhere = NULL;

	app_log(APP_INFO, "about to write to address 0");
	/* Through a register: the compiler would turn a plain store into a trap instruction. */
	__asm__ volatile("str wzr, [%0]" ::"r"(nowhere) : "memory");
	return 0;
}
