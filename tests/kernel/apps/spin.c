/* SPDX-License-Identifier: Apache-2.0 */
/* Says that it is well, then never waits: computes at full speed, for ever. */
#include "kernel/app.h"

#define SAY_EVERY_MS 10000

int app_main(void)
{
	uint64_t say_ms = SAY_EVERY_MS;

	app_log(APP_INFO, "about to spin");
	app_health_set(APP_WELL);
	for (;;) {
		if (app_now_ms() < say_ms)
			continue;
		app_log(APP_INFO, "spinning s=%u", (unsigned int)(say_ms / 1000));
		say_ms += SAY_EVERY_MS;
	}
}
