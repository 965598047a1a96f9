/* SPDX-License-Identifier: Apache-2.0 */
/* Takes memory until its heap is used up. */
#include "kernel/app.h"

#include <stdlib.h>
#include <string.h>

int app_main(void)
{
	app_log(APP_INFO, "about to exhaust the heap");
	for (;;)
		memset(malloc(10000), 0x5a, 10000);
}
