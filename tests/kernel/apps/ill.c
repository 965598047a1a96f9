/* SPDX-License-Identifier: Apache-2.0 */
/* Runs and waits, but never says that it is well. */
#include "kernel/app.h"

int app_main(void)
{
	static struct app_event event;

	app_log(APP_INFO, "never well");
	app_health_set(APP_ILL);
	for (;;)
		app_wait(&event, UINT64_MAX);
}
