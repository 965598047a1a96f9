/* SPDX-License-Identifier: Apache-2.0 */
/* Writes one byte past the end of its memory, then frees it. */
#include "kernel/app.h"

#include <stdlib.h>

int app_main(void)
{
	volatile char *memory = malloc(100);

	app_log(APP_INFO, "about to overrun");
	memory[100] = 1;
	free((void *)(uintptr_t)memory);
	return 0;
}
