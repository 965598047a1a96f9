/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a function whose frame is larger than the whole stack, and writes to its far end only. */
#include "kernel/app.h"

static int leap(int where)
{
	volatile char room[200000];

	room[where] = 1;
	return room[where];
}

int app_main(void)
{
	app_log(APP_INFO, "about to leap over the guard page");
	return leap(0);
}
