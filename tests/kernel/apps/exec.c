/* SPDX-License-Identifier: Apache-2.0 */
/* Runs an instruction from its heap. */
#include "kernel/app.h"

#include <stdlib.h>

int app_main(void)
{
	uint32_t *code = malloc(16);
	void (*call)(void);

	code[0] = 0xd65f03c0; /* ret */
	app_log(APP_INFO, "about to run data at %p", (void *)code);
	call = (void (*)(void))(uintptr_t)code;
	call();
	return 0;
}
