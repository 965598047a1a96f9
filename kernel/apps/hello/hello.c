/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest app: says hello, says that it is well, and waits. */
#include "kernel/app.h"

int app_main(void)
{
	static struct app_event event;

	app_log(APP_INFO, "hello from %s %s", app_image_name(), app_image_version());
	app_health_set(APP_WELL);
	for (;;)
		app_wait(&event, UINT64_MAX);
}
