/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to its own code. */
#include "kernel/app.h"

int app_main(void)
{
	app_log(APP_INFO, "about to write to .text at %p", (void *)(uintptr_t)app_main);
	__asm__ volatile("str wzr, [%0]" ::"r"((uintptr_t)app_main) : "memory");
	return 0;
}
