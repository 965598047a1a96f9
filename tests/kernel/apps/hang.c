/* SPDX-License-Identifier: Apache-2.0 */
/* Masks interrupts and spins: only the hardware watchdog can end this. */
#include "kernel/app.h"

int app_main(void)
{
	app_log(APP_INFO, "about to hang with interrupts off");
	__asm__ volatile("msr daifset, #2\n1:\tb 1b");
	return 0;
}
