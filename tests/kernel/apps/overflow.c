/* SPDX-License-Identifier: Apache-2.0 */
/* Recurses until its stack is used up. */
#include "kernel/app.h"

static int deeper(int depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	return depth > 1000000 ? 0 : deeper(depth + 1) + room[0];
}

int app_main(void)
{
	app_log(APP_INFO, "about to overflow the stack");
	return deeper(0);
}
