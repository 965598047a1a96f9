/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled once per image, with its name and version: the only object in which two versions of one app differ. */
#include "kernel/app.h"

const char *app_image_name(void)
{
	return IMAGE_NAME;
}

const char *app_image_version(void)
{
	return IMAGE_VERSION;
}
