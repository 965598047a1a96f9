/* SPDX-License-Identifier: Apache-2.0 */
/* Frees the same memory twice. */
#include "kernel/app.h"

#include <stdlib.h>

int app_main(void)
{
	char *memory = malloc(100);

	app_log(APP_INFO, "about to free twice");
	free(memory);
	free(memory);
	return 0;
}
