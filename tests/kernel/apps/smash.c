/* SPDX-License-Identifier: Apache-2.0 */
/* Writes past the end of an array on its stack. */
#include "kernel/app.h"

#include <string.h>

static void __attribute__((noinline)) fill(volatile char *array, int bytes)
{
	for (int i = 0; i < bytes; i++)
		array[i] = 0x41;
}

static int __attribute__((noinline)) smash(int bytes)
{
	char array[16];

	fill(array, bytes);
	return array[3];
}

int app_main(void)
{
	app_log(APP_INFO, "about to smash the stack");
	return smash(64);
}
