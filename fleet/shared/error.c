/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_remedy(struct fleet_error *error, const char *remedy)
{
	snprintf(error->remedy, sizeof error->remedy, "%s", remedy ? remedy : "");
}

int fleet_fail(struct fleet_error *error, const char *remedy, const char *cause, ...)
{
	va_list args;
	va_start(args, cause);
	vsnprintf(error->cause, sizeof error->cause, cause, args);
	va_end(args);
	set_remedy(error, remedy);
	return -1;
}

static const char *errno_remedy(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return "free some space on that file system, then run the command again";
	case EFBIG:
		return "raise the file size limit (ulimit -f), then run the command again";
	case EACCES:
	case EPERM:
	case EROFS:
		return "check the owner and mode of the file and its folder, or choose another place";
	case ENOENT:
	case ENOTDIR:
		return "check the path";
	case EMFILE:
	case ENFILE:
		return "raise the limit of open files (ulimit -n)";
	default:
		return NULL;
	}
}

int fleet_fail_errno(struct fleet_error *error, const char *remedy, const char *cause, ...)
{
	int number = errno;
	va_list args;
	va_start(args, cause);
	vsnprintf(error->cause, sizeof error->cause, cause, args);
	va_end(args);
	size_t used = strlen(error->cause);
	snprintf(error->cause + used, sizeof error->cause - used, ": %s", strerror(number));
	set_remedy(error, remedy ? remedy : errno_remedy(number));
	return -1;
}
