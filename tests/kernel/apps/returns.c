/* SPDX-License-Identifier: Apache-2.0 */
/* Returns from app_main(). */
#include "kernel/app.h"

int app_main(void)
{
	app_health_set(APP_WELL);
	return 7;
}
